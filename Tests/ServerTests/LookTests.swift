import Chat
import Dialects
import Foundation
import Storage
import Testing

@testable import Server

@Suite final class LookTests {
    private let folder: URL
    private let store: Store
    private let reader: ReadStore
    private let asha, ben, chitra: User

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "switchboard-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        let path = folder.appending(path: "switchboard.db").path
        store = try Store(path: path)
        let store = store
        (asha, ben, chitra) = try store.transaction { () throws(StoreError) in
            func add(_ username: String) throws(StoreError) -> User {
                try store.accounts.add(username: username, name: username, college: nil, password: nil, at: Self.start)
            }
            return (try add("asha"), try add("ben"), try add("chitra"))
        }
        reader = try ReadStore(path: path)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private static let start = Timestamp(microseconds: 1_767_702_600_000_000)

    /// Has Asha say some texts to Ben.
    private func say(_ texts: [String]) throws -> ConversationID {
        let (store, asha, ben) = (store, asha, ben)
        var conversation: ConversationID?
        try store.transaction { () throws(StoreError) in
            for text in texts {
                let draft = Draft(text: text)
                let outcome = try store.apply(.send(draft, from: asha, to: .person(ben.id), at: Self.start))
                if case .stored(let stored) = outcome { conversation = stored.conversation }
            }
        }
        return try #require(conversation)
    }

    /// The JSON in a frame, and how long the frame is.
    private func look(
        _ query: Query, as user: User, in name: DialectName = .conversations, bytes: Int = 1 << 20
    ) throws -> (text: String, count: Int) {
        let frame = try #require(Look(query, user, bytes: bytes).reply(in: name, from: reader).frame)
        let start = try #require(frame.firstIndex(of: UInt8(ascii: "{")))
        return (String(decoding: frame[start...], as: UTF8.self), frame.count)
    }

    private func contents(_ text: String) -> [String] {
        text.components(separatedBy: #""content":""#).dropFirst().map { $0.components(separatedBy: #"""#)[0] }
    }

    @Test("people are found without the one who asks, and nobody by an empty keyword")
    func people() throws {
        let all = #"{"type":"chat.search_results","results":[{"id":1,"username":"asha"},{"id":3,"username":"chitra"}]}"#
        #expect(try look(.people(keyword: "A"), as: ben).text == all)
        #expect(try look(.people(keyword: ""), as: ben).text == #"{"type":"chat.search_results","results":[]}"#)
    }

    @Test("at most 50 people are found")
    func peopleLimit() throws {
        let store = store
        try store.transaction { () throws(StoreError) in
            for number in 1...60 {
                _ = try store.accounts.add(
                    username: "member\(number)", name: "", college: nil, password: nil, at: Self.start)
            }
        }
        let text = try look(.people(keyword: "member"), as: ben).text
        #expect(text.components(separatedBy: "username").count == 1 + 50)
        #expect(text.contains(#""member50""#))
        #expect(!text.contains(#""member51""#))
    }

    @Test("one's own conversations are listed, and no others'")
    func conversations() throws {
        let id = try say(["Hello"])
        let list =
            #"{"type":"chat.conversations","conversations":[{"id":\#(id),"participants":["#
            + #"{"user__id":1,"user__username":"asha"},{"user__id":2,"user__username":"ben"}]}]}"#
        #expect(try look(.conversations, as: asha).text == list)
        #expect(try look(.conversations, as: ben).text == list)
        #expect(
            try look(.conversations, as: chitra).text == #"{"type":"chat.conversations","conversations":[]}"#)
    }

    @Test("messages are the newest before the given one, oldest first")
    func messages() throws {
        let id = try say(["1", "2", "3", "4"])
        #expect(try contents(look(.messages(of: id, before: nil, limit: 2), as: ben).text) == ["3", "4"])
        #expect(try contents(look(.messages(of: id, before: MessageID(3), limit: 10), as: asha).text) == ["1", "2"])
    }

    @Test("a conversation that one is not in is like one that does not exist")
    func foreign() throws {
        let refusal = #"{"type":"error","error":"Conversation not found."}"#
        let id = try say(["Hello"])
        #expect(try look(.messages(of: id, before: nil, limit: 10), as: chitra).text == refusal)
        #expect(try look(.messages(of: ConversationID(99), before: nil, limit: 10), as: asha).text == refusal)
    }

    @Test("of a history that does not fit a frame the newest part is sent", arguments: ["x", "\u{1}"])
    func frameLimit(_ letter: String) throws {
        let count = 40
        // A control character takes six bytes in JSON.
        let id = try say((1...count).map { "\($0)-" + String(repeating: letter, count: 1000) })
        let limit = 20_000
        let (text, bytes) = try look(.messages(of: id, before: nil, limit: 100), as: ben, bytes: limit)
        let numbers = contents(text).compactMap { Int($0.prefix { $0 != "-" }) }
        #expect(bytes <= limit)
        #expect(!numbers.isEmpty)
        #expect(numbers == Array((count - numbers.count + 1)...count))
        #expect(numbers.count < count)
        let whole = try look(.messages(of: id, before: nil, limit: 100), as: ben).text
        #expect(contents(whole).count == count)
    }

    @Test("one message is sent however long it is")
    func oneMessage() throws {
        let id = try say([String(repeating: "x", count: 5000)])
        let (text, bytes) = try look(.messages(of: id, before: nil, limit: 10), as: ben, bytes: 100)
        #expect(contents(text).map(\.utf8.count) == [5000])
        #expect(bytes > 5000)
    }

    @Test("a dialect without words for it gets no frame", arguments: [.erp, .campus, .rooms] as [DialectName])
    func noWords(_ name: DialectName) {
        #expect(Look(.conversations, asha, bytes: 1 << 20).reply(in: name, from: reader).frame == nil)
    }

    @Test("a reply tells the newest message that it shows, if it shows any")
    func newest() throws {
        let id = try say(["1", "2", "3"])
        func newest(_ query: Query, bytes: Int = 1 << 20) -> MessageID {
            Look(query, asha, bytes: bytes).reply(in: .conversations, from: reader).newest
        }
        #expect(newest(.messages(of: id, before: nil, limit: 9)) == MessageID(3))
        #expect(newest(.messages(of: id, before: nil, limit: 9), bytes: 1) == MessageID(3))
        #expect(newest(.messages(of: id, before: MessageID(3), limit: 9)) == MessageID(2))
        #expect(newest(.messages(of: id, before: MessageID(1), limit: 9)) == MessageID(0))
        #expect(newest(.messages(of: ConversationID(99), before: nil, limit: 9)) == MessageID(0))
        #expect(newest(.conversations) == MessageID(0))
    }
}
