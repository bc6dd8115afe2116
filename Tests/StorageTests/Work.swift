import Chat

@testable import Storage

/// A process that works on a store, as the writer of the server does, and notes what was acknowledged.
final class Work {
    private let path: String
    private let store: Store
    private let asha: User, ben: User, chitra: User
    private var group = ConversationID(0)
    private var number = 0
    private var newcomer: User?
    /// Why checkpoints failed.
    private(set) var checkpointFailures: [StoreError] = []

    /// A database with three people and some messages, to begin with.
    static func makeTemplate(at path: String) throws {
        let store = try Store(path: path)
        try store.transaction { () throws(StoreError) in
            var people: [User] = []
            for name in ["asha", "ben", "chitra"] {
                people.append(
                    try store.accounts.add(username: name, name: name, college: nil, password: nil, at: .start))
            }
            for number in 1...20 {
                let draft = Draft(text: "\(number)".padded(to: 900))
                _ = try store.apply(.send(draft, from: people[0], to: .person(people[1].id), at: .start))
            }
        }
    }

    init(on path: String) throws {
        self.path = path
        // A few pages, so that there are checkpoints.
        store = try Store(path: path, logLimit: 12)
        let found = (
            try store.accounts.user(named: "asha"), try store.accounts.user(named: "ben"),
            try store.accounts.user(named: "chitra")
        )
        guard case (let asha?, let ben?, let chitra?) = found else { throw Unexpected("nobody") }
        (self.asha, self.ben, self.chitra) = (asha, ben, chitra)
    }

    /// Does a bit of everything, for as long as the process is not dead.
    func run(_ ledger: inout Ledger, until isOver: () -> Bool) {
        let steps: [(inout Ledger) -> Void] = [
            { self.talk(&$0, messages: 12) }, formGroup, { self.talk(&$0, messages: 3, bytes: 3000) }, notify,
            { self.talk(&$0, messages: 1) }, file, read, { self.talk(&$0, messages: 30) }, repeatMessage, join,
            readLongWhileWriting, { self.talk(&$0, messages: 2) }, file, sendBulk,
            erase, { self.talk(&$0, messages: 5, bytes: 2000) }, count, file,
        ]
        for step in steps {
            if isOver() { return }
            step(&ledger)
            careForLog()
        }
    }

    /// A message, for who starts to work again.
    func say(_ ledger: inout Ledger) {
        ledger.transaction(in: store) { () throws(StoreError) in
            try send("again \(store.lastMessage)", from: ben, to: .person(asha.id))
        }
        careForLog()
    }

    private func careForLog() {
        do {
            _ = try store.checkpointIfDue()
            _ = try store.scrubIfWanted()
        } catch {
            checkpointFailures.append(error)
        }
    }

    // MARK: - Steps

    private func send(
        _ text: String, from sender: User, to destination: Destination
    ) throws(StoreError) -> [Message] {
        let draft = Draft(text: text, clientID: ClientID(text.prefix(20) + ""))
        let expected = store.lastMessage.rawValue + 1
        switch try store.apply(.send(draft, from: sender, to: destination, at: .start)) {
        case .stored(let stored):
            precondition(stored.id.rawValue == expected, "an id out of order")
            return [stored]
        case .repeated, .refused: return []
        case let outcome: preconditionFailure("\(outcome)")
        }
    }

    private func talk(_ ledger: inout Ledger, messages: Int, bytes: Int = 40) {
        ledger.transaction(in: store) { () throws(StoreError) in
            var sent: [Message] = []
            for index in 0..<messages {
                number += 1
                let destination: Destination = index % 3 == 2 ? .conversation(group) : .person(ben.id)
                sent += try send("n\(number)".padded(to: bytes), from: asha, to: destination)
            }
            return sent
        }
    }

    private func formGroup(_ ledger: inout Ledger) {
        var made: ConversationID?
        let isDone = ledger.transaction(in: store) { () throws(StoreError) in
            made = try store.startGroup(of: [asha.id, ben.id, chitra.id], title: "g", at: .start)?.id
            return try send("to all", from: chitra, to: .conversation(made ?? group))
        }
        if let made, isDone { group = made }
    }

    private func notify(_ ledger: inout Ledger) {
        ledger.transaction(in: store) { () throws(StoreError) in
            for audience in [Audience.everybody, .person(ben.id), .person(chitra.id)] {
                let content = NotificationContent(title: "T\(number)", message: "M".padded(to: 500))
                _ = try store.apply(.notify(audience, content, at: .start))
            }
            return []
        }
    }

    private func file(_ ledger: inout Ledger) {
        ledger.transaction(in: store) { () throws(StoreError) in
            try store.fileMessages()
            return []
        }
    }

    private func read(_ ledger: inout Ledger) {
        ledger.transaction(in: store) { () throws(StoreError) in
            _ = try store.apply(.markRead(.person(asha.id), by: ben.id, at: .start))
            _ = try store.apply(.readAllNotifications(by: ben.id))
            _ = try store.waiting(for: chitra.id)
            try store.noteEverything(for: chitra.id)
            return []
        }
    }

    /// Says again what was said before, under its name: it must not come twice.
    private func repeatMessage(_ ledger: inout Ledger) {
        ledger.transaction(in: store) { () throws(StoreError) in
            try send("n1".padded(to: 40), from: asha, to: .person(ben.id))
        }
    }

    private func join(_ ledger: inout Ledger) {
        var newcomer: User?
        let isDone = ledger.transaction(in: store) { () throws(StoreError) in
            number += 1
            let added = try store.accounts.add(
                username: "\(Self.newcomer)\(number)", name: Self.newcomer, college: nil, password: nil, at: .start)
            newcomer = added
            if group.rawValue > 0 { try store.add([added.id], to: group) }
            return try send("\(Self.newcomer) \(number)", from: added, to: .person(asha.id))
        }
        if isDone { self.newcomer = newcomer }
    }

    /// What the files have of somebody who came late.
    static let newcomer = "newcomer"

    /// Deletes who came late, and erases what is left of them.
    private func erase(_ ledger: inout Ledger) {
        guard let newcomer else { return }
        ledger.release { $0.hasPrefix(Self.newcomer) }
        ledger.transaction(in: store) { () throws(StoreError) in
            _ = try store.delete(newcomer.id, keepingMessages: false)
            return []
        }
        eraseSlices(&ledger)
    }

    /// Erases for as long as that may take.
    private func eraseSlices(_ ledger: inout Ledger) {
        for _ in 1...8 {
            ledger.transaction(in: store) { () throws(StoreError) in
                _ = try store.eraseSlice()
                return []
            }
            careForLog()
        }
    }

    /// Goes on with what was erased when the last process ended.
    ///
    /// - Returns: Whether somebody was deleted, of whom there must be nothing now.
    func finishErasing(_ ledger: inout Ledger) throws -> Bool {
        eraseSlices(&ledger)
        return try !store.gone.isEmpty && !store.isErasing()
    }

    private func sendBulk(_ ledger: inout Ledger) {
        let content = NotificationContent(title: "bulk", message: "M")
        ledger.transaction(in: store) { () throws(StoreError) in
            _ = try store.addBulkMessage(content, for: .everybody, key: nil, at: .later(1))
            return []
        }
        for _ in 1...2 {
            ledger.transaction(in: store) { () throws(StoreError) in
                _ = try store.sendBulkSlice(limit: 3, at: .later(2))
                return []
            }
        }
    }

    private func count(_ ledger: inout Ledger) {
        ledger.transaction(in: store) { () throws(StoreError) in
            _ = try store.apply(.count(.increment(1), at: .start))
            return []
        }
    }

    /// While somebody reads an older state, checkpoints can copy a part of the log only.
    private func readLongWhileWriting(_ ledger: inout Ledger) {
        talk(&ledger, messages: 4, bytes: 1500)
        let reader = try? Database(path: path, .readOnly)
        try? reader?.execute("BEGIN; SELECT count(*) FROM messages")
        for _ in 1...3 {
            talk(&ledger, messages: 6, bytes: 1500)
            careForLog()
        }
        try? reader?.execute("COMMIT")
    }

    // MARK: - Memory

    /// Whether what the store remembers is what the database says.
    var remembersRightly: Bool {
        get throws {
            let fresh = try Store(path: path)
            let people = [asha, ben, chitra]
            func memory(_ store: Store) throws(StoreError) -> [Int64] {
                var values = [store.lastMessage.rawValue]
                for person in people {
                    values.append(Int64(try store.notifications.unreadCount(of: person)))
                    values += try store.waiting(for: person.id).messages.map(\.id.rawValue)
                    values += try store.others(in: group, besides: person.id)?.map(\.rawValue) ?? [-1]
                }
                values += store.gone.map(\.rawValue)
                return values
            }
            return try memory(store) == memory(fresh)
        }
    }
}
