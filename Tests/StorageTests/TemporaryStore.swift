import Chat
import Storage

/// A store with three people in it.
final class TemporaryStore {
    let folder: TemporaryFolder
    let store: Store
    let asha, ben, chitra: User

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(path: folder.database)
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
            .sendDirect(
                from: sender, to: recipient, text: text, clientID: clientID.flatMap { ClientID($0) }, at: time))
    }

    /// Sends, and gives back what was stored.
    @discardableResult
    func sent(_ text: String, from sender: User, to recipient: User, clientID: String? = nil) throws -> Message {
        let outcome = try send(text, from: sender, to: recipient.id, clientID: clientID)
        guard case .stored(let message, let recipients) = outcome, recipients == [recipient.id] else {
            throw Unexpected(outcome)
        }
        return message
    }

    @discardableResult
    func notified(_ audience: Audience, title: String = "T") throws -> Notification {
        let outcome = try apply(.notify(audience, NotificationContent(title: title, message: "M"), at: .start))
        guard case .notified(let notification) = outcome else { throw Unexpected(outcome) }
        return notification
    }

    /// The number that a query of one value gives.
    func number(_ sql: String) throws -> Int64? {
        try Database(path: folder.database, .readOnly).prepare(sql).first { $0.integer(0) }
    }
}

extension Timestamp {
    static let start = Timestamp(microseconds: 1_767_702_600_000_000)
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
