import Chat
import Dialects
import JSON
import Storage

/// Something that a person asked to see, as it is looked up and put into words off the event loops.
struct Look {
    private let query: Query
    private let user: User
    private let bytes: Int

    /// The most people that a search answers with (INTEROP.md, conversations).
    private static let peopleLimit = 50
    /// What a person costs in a list of conversations, at least.
    private static let bytesOfPerson = 48
    /// The most conversations in a list.
    private static let conversationsLimit = 10_000

    /// - Parameter bytes: How long a frame may get: of a list that does not fit, the newest part is sent.
    init(_ query: Query, _ user: User, bytes: Int) {
        self.query = query
        self.user = user
        self.bytes = bytes
    }

    /// What was found, for the one who asked.
    struct Reply {
        /// In words of the dialect; `nil` when it has none.
        let frame: [UInt8]?
        /// The newest message that is shown; 0 without any.
        let newest: MessageID
        let refusal: Refusal?

        init(_ answer: Answer?, newest: MessageID? = nil, in name: DialectName) {
            frame = answer.flatMap { Look.frame($0, in: name) }
            self.newest = newest ?? MessageID(0)
            refusal = answer?.refusal
        }
    }

    func reply(in name: DialectName, from store: ReadStore) -> Reply {
        var answer: Answer
        do { answer = try self.answer(from: store) } catch { return Reply(.refused(.storeUnavailable), in: name) }
        let newest: MessageID? = if case .messages(let messages) = answer { messages.last?.id } else { nil }
        while true {
            let reply = Reply(answer, newest: newest, in: name)
            // Escapes can make a text six times as long, and groups have long lists of people.
            guard let frame = reply.frame, frame.count > bytes, let shorter = Self.half(of: answer) else {
                return reply
            }
            answer = shorter
        }
    }

    /// The newer half of a list; `nil` when it can't be any shorter.
    private static func half(of answer: Answer) -> Answer? {
        switch answer {
        case .messages(let messages) where messages.count > 1:
            .messages(Array(messages.suffix(messages.count / 2)))
        case .conversations(let conversations) where conversations.count > 1:
            .conversations(Array(conversations.prefix(conversations.count / 2)))
        default: nil
        }
    }

    private func answer(from store: ReadStore) throws(StoreError) -> Answer {
        switch query {
        case .people(let keyword):
            if keyword.isEmpty { return .people([]) }
            return .people(try store.accounts.search(keyword, besides: user.id, limit: Self.peopleLimit))
        case .conversations:
            let list = try store.conversations.list(
                of: user.id, behind: nil, limit: Self.conversationsLimit, people: bytes / Self.bytesOfPerson)
            return .conversations(list.map(\.conversation))
        case .messages(let conversation, let before, let limit):
            guard try store.conversations.isMember(user.id, of: conversation) else {
                return .refused(.unknownConversation)
            }
            return .messages(
                try store.conversations.messages(of: conversation, before: before, limit: limit ?? 1, bytes: bytes))
        }
    }

    fileprivate static func frame(_ answer: Answer, in name: DialectName) -> [UInt8]? {
        Frames.frame(in: name) { $0.encode(answer, into: &$1) }
    }
}
