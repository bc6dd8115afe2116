import Chat
import Storage
import Testing

import struct Chat.Attachment

/// Pages of conversations and of their messages.
@Suite(.onEachStore) struct HistoryTests {
    private let home: TemporaryStore
    private let talk: Conversation
    private var conversations: Conversations { home.store.conversations }

    init() throws {
        home = try TemporaryStore()
        talk = try home.started(by: home.asha, with: home.ben)
    }

    // MARK: - Messages

    /// What a message counts for beside its text.
    private static let overhead = 256

    private func texts(before: Int64? = nil, limit: Int, bytes: Int = .max) throws -> [String] {
        let messages = try conversations.messages(
            of: talk.id, before: before.map { MessageID($0) }, limit: limit, bytes: bytes)
        return messages.map(\.text)
    }

    @Test(
        "before a message, or without one, come the newest, oldest first",
        arguments: [
            (nil, 10, ["1", "2", "3", "4", "5"]), (nil, 5, ["1", "2", "3", "4", "5"]), (nil, 2, ["4", "5"]),
            (nil, 1, ["5"]), (6, 2, ["4", "5"]), (5, 2, ["3", "4"]), (3, 10, ["1", "2"]), (2, 1, ["1"]),
            (1, 10, []), (0, 10, []), (-1, 10, []), (999, 2, ["4", "5"]), (.max, 2, ["4", "5"]),
        ] as [(Int64?, Int, [String])])
    func before(_ before: Int64?, _ limit: Int, _ expected: [String]) throws {
        try home.say(5, by: home.asha, in: talk.id)
        #expect(try texts(before: before, limit: limit) == expected)
    }

    @Test(
        "after a message come the oldest",
        arguments: [
            (0, 10, ["1", "2", "3", "4", "5"]), (0, 2, ["1", "2"]), (-1, 2, ["1", "2"]), (2, 2, ["3", "4"]),
            (4, 10, ["5"]), (5, 10, []), (999, 10, []), (.max, 10, []),
        ] as [(Int64, Int, [String])])
    func after(_ after: Int64, _ limit: Int, _ expected: [String]) throws {
        try home.say(5, by: home.asha, in: talk.id)
        let messages = try conversations.messages(of: talk.id, after: MessageID(after), limit: limit)
        #expect(messages.map(\.text) == expected)
    }

    @Test("pages leave nothing out and repeat nothing, among the messages of others", arguments: [1, 2, 3, 7, 100])
    func pages(_ limit: Int) throws {
        for number in 1...10 {
            try home.said("\(number)", by: number % 3 == 0 ? home.ben : home.asha, in: talk.id)
            try home.sent("elsewhere", from: home.asha, to: home.chitra)
        }
        let all = (1...10).map { "\($0)" }
        var backwards: [String] = []
        var before: MessageID?
        repeat {
            let page = try conversations.messages(of: talk.id, before: before, limit: limit)
            backwards = page.map(\.text) + backwards
            before = page.first?.id
        } while before != nil
        #expect(backwards == all)
        var forwards: [String] = []
        var after = MessageID(0)
        while let last = try conversations.messages(of: talk.id, after: after, limit: limit).last {
            forwards += try conversations.messages(of: talk.id, after: after, limit: limit).map(\.text)
            after = last.id
        }
        #expect(forwards == all)
    }

    @Test(
        "a page holds no more than fits, and one message always",
        arguments: [
            (.max, 3), (3 * (100 + overhead), 3), (3 * (100 + overhead) - 1, 2), (2 * (100 + overhead), 2),
            (2 * (100 + overhead) - 1, 1), (100 + overhead, 1), (1, 1),
        ] as [(Int, Int)])
    func bytes(_ bytes: Int, _ count: Int) throws {
        for number in 1...3 {
            try home.said("\(number)" + String(repeating: ".", count: 99), by: home.asha, in: talk.id)
        }
        #expect(try texts(limit: 10, bytes: bytes).map { $0.prefix(1) } == ["1", "2", "3"].suffix(count))
    }

    @Test("an attachment takes its place in a page")
    func attachmentBytes() throws {
        let url = "https://a/" + String(repeating: "x", count: 990)
        for _ in 1...2 { try home.said("", by: home.asha, in: talk.id, attachment: Attachment(url)) }
        #expect(try texts(limit: 10, bytes: 2 * (1000 + Self.overhead)).count == 2)
        #expect(try texts(limit: 10, bytes: 2 * (1000 + Self.overhead) - 1).count == 1)
    }

    @Test("all of a message is read back, also from beside the writer")
    func content() throws {
        let attachment = Attachment("https://a/b")
        let sent = try home.said("é\0\u{1F600}", by: home.ben, in: talk.id, attachment: attachment, at: .later(5))
        let reader = try home.reader().conversations
        for source in [conversations, reader] {
            for found in [try source.message(sent.id), try source.messages(of: talk.id, before: nil, limit: 1).first] {
                let message = try #require(found)
                #expect(message.id == sent.id)
                #expect(message.conversation == talk.id)
                #expect(message.sender.username == "ben")
                #expect(message.text == "é\0\u{1F600}")
                #expect(message.attachment == attachment)
                #expect(message.sentAt == .later(5))
            }
        }
        #expect(try reader.message(MessageID(99)) == nil)
        #expect(try reader.messages(of: ConversationID(99), before: nil, limit: 10).isEmpty)
    }

    // MARK: - Lists

    /// The other people, or the titles, in a page of Asha's list.
    private func list(behind place: Conversations.Place? = nil, limit: Int = 100) throws -> [String] {
        try conversations.list(of: home.asha.id, behind: place, limit: limit).map { conversation, _ in
            conversation.title
                ?? conversation.participants.map(\.username).filter { $0 != "asha" }.joined(separator: "+")
        }
    }

    @Test("conversations last active come first: a message, or else their start, is what counts")
    func order() throws {
        _ = try home.started(by: home.chitra, with: home.asha, at: .later(1))
        _ = try home.group(home.asha, home.ben, home.chitra, title: "team", at: .later(2))
        #expect(try list() == ["team", "chitra", "ben"])
        try home.said("1", by: home.ben, in: talk.id, at: .later(3))
        #expect(try list() == ["ben", "team", "chitra"])
    }

    @Test("of those active at the same moment, the one that was made last comes first")
    func sameMoment() throws {
        _ = try home.group(home.asha, title: "2")
        _ = try home.group(home.asha, title: "3")
        #expect(try list() == ["3", "2", "ben"])
    }

    @Test("pages follow each other's places, and leave nothing out", arguments: [1, 2, 3, 5, 100])
    func listPages(_ limit: Int) throws {
        for number in 1...7 { _ = try home.group(home.asha, title: "\(number)", at: .later(Int64(number / 3))) }
        let all = ["7", "6", "5", "4", "3", "2", "1", "ben"]
        var titles: [String] = []
        var place: Conversations.Place?
        while let end = try conversations.list(of: home.asha.id, behind: place, limit: limit).last?.place {
            titles += try list(behind: place, limit: limit)
            place = Conversations.Place(activeAt: end.activeAt, id: end.id)
        }
        #expect(titles == all)
    }

    @Test("a place says when a conversation was last active")
    func places() throws {
        try home.said("1", by: home.ben, in: talk.id, at: .later(9))
        let place = try #require(try conversations.list(of: home.asha.id, behind: nil, limit: 1).first?.place)
        #expect(place.activeAt == .later(9))
        #expect(place.id == talk.id)
        #expect(try list(behind: Conversations.Place(activeAt: .later(9), id: talk.id)) == [])
        #expect(try list(behind: Conversations.Place(activeAt: .later(10), id: ConversationID(0))) == ["ben"])
    }

    @Test("everything of a conversation is in the list")
    func listed() throws {
        let group = try home.group(home.chitra, home.asha, home.ben, title: "Team")
        let listed = try #require(
            try home.reader().conversations.list(of: home.ben.id, behind: nil, limit: 1).first)
        #expect(listed.conversation.id == group.id)
        #expect(listed.conversation.isGroup)
        #expect(listed.conversation.title == "Team")
        #expect(listed.conversation.participants.map(\.username) == ["asha", "ben", "chitra"])
    }
}
