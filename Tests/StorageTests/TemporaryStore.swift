import Chat

import struct Chat.Attachment

@testable import Storage

/// A store with three people in it.
final class TemporaryStore {
    private let database: TemporaryDatabase
    let store: Store
    let asha, ben, chitra: User

    /// - Parameter logLimit: As of the store.
    init(logLimit: Int? = nil) throws {
        database = try TemporaryDatabase()
        store = try Store(database.location, logLimit: logLimit)
        let store = store
        (asha, ben, chitra) = try store.transaction { () throws(StoreError) in
            (
                try store.accounts.add(
                    username: "asha", name: "Asha Rao", college: CollegeID(1), password: nil, at: .start),
                try store.accounts.add(
                    username: "ben", name: "Ben Okri", college: CollegeID(1), password: "encoded", at: .start),
                try store.accounts.add(
                    username: "chitra", name: "Chitra Sen", college: nil, password: nil, at: .start)
            )
        }
    }

    /// Carries out one change in a transaction of its own.
    @discardableResult
    func apply(_ change: Change) throws(StoreError) -> Outcome {
        let store = store
        return try store.transaction { () throws(StoreError) in try store.apply(change) }
    }

    func send(
        _ text: String, from sender: User, to recipient: UserID, clientID: String? = nil, at time: Timestamp = .start
    ) throws(StoreError) -> Outcome {
        try apply(
            .send(
                Draft(text: text, clientID: clientID.flatMap { ClientID($0) }), from: sender, to: .person(recipient),
                at: time))
    }

    /// Sends, and gives back what was stored.
    @discardableResult
    func sent(_ text: String, from sender: User, to recipient: User, clientID: String? = nil) throws -> Message {
        let outcome = try send(text, from: sender, to: recipient.id, clientID: clientID)
        guard case .stored(let stored) = outcome, stored.recipients == [recipient.id] else {
            throw Unexpected(outcome)
        }
        return stored
    }

    /// Sends into a conversation, and gives back what was stored.
    @discardableResult
    func said(
        _ text: String, by sender: User, in conversation: ConversationID, attachment: Attachment? = nil,
        at time: Timestamp = .start
    ) throws -> Message {
        let draft = Draft(text: text, attachment: attachment)
        let outcome = try apply(.send(draft, from: sender, to: .conversation(conversation), at: time))
        guard case .stored(let stored) = outcome else { throw Unexpected(outcome) }
        return stored
    }

    /// Sends numbers from 1 on in one transaction.
    func say(_ count: Int, by sender: User, in conversation: ConversationID) throws {
        let store = store
        try store.transaction { () throws(StoreError) in
            for number in 1...count {
                let draft = Draft(text: "\(number)")
                _ = try store.apply(.send(draft, from: sender, to: .conversation(conversation), at: .start))
            }
        }
    }

    /// Starts a conversation, and gives back which it is.
    @discardableResult
    func started(by user: User, with other: User, at time: Timestamp = .start) throws -> Conversation {
        let outcome = try apply(.startConversation(by: user, with: other.id, at: time))
        guard case .started(let conversation, _) = outcome else { throw Unexpected(outcome) }
        return conversation
    }

    func group(_ people: User..., title: String? = nil, at time: Timestamp = .start) throws -> Conversation {
        let store = store
        let conversation = try store.transaction { () throws(StoreError) in
            try store.startGroup(of: people.map(\.id), title: title, at: time)
        }
        guard let conversation else { throw Unexpected("nobody") }
        return conversation
    }

    func add(_ people: User..., to group: Conversation) throws {
        let store = store
        try store.transaction { () throws(StoreError) in try store.add(people.map(\.id), to: group.id) }
    }

    func remove(_ user: User, from group: Conversation) throws {
        let store = store
        try store.transaction { () throws(StoreError) in try store.remove(user.id, from: group.id) }
    }

    func added(_ username: String, isAdministrator: Bool = false) throws -> User {
        let store = store
        return try store.transaction { () throws(StoreError) in
            try store.accounts.add(
                username: username, name: username, college: nil, password: nil, isAdministrator: isAdministrator,
                at: .start)
        }
    }

    @discardableResult
    func notified(_ audience: Audience, title: String = "T") throws -> Notification {
        let outcome = try apply(.notify(audience, NotificationContent(title: title, message: "M"), at: .start))
        guard case .notified(let notification) = outcome else { throw Unexpected(outcome) }
        return notification
    }

    /// The number that a query of one value gives.
    func number(_ sql: String) throws -> Int64? {
        try Database(location, .readOnly).prepare(sql).first { $0.integer(0) }
    }

    var location: StoreLocation { database.location }

    /// The store as another process opens it.
    func another() throws(StoreError) -> Store { try Store(location) }

    func reader() throws(StoreError) -> ReadStore { try ReadStore(location) }
}

extension Store {
    /// What a person is given who comes now.
    func waiting(for user: UserID) throws(StoreError) -> Backlog {
        try backlog(of: user, after: try delivered(to: user))
    }
}

extension Timestamp {
    static let start = Timestamp(microseconds: 1_767_702_600_000_000)

    static func later(_ seconds: Int64) -> Timestamp { .start + .seconds(seconds) }
}

extension Outcome {
    var refusal: Refusal? { if case .refused(let refusal) = self { refusal } else { nil } }
    var isUnchanged: Bool { if case .unchanged = self { true } else { false } }
}

/// An outcome of another kind than a test asks for.
struct Unexpected: Error {
    let value: String

    init(_ value: some Any) { self.value = "\(value)" }
}
