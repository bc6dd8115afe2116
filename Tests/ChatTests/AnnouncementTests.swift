import Chat
import Testing

/// What people are told of a notice and in a bulk message.
@Suite struct AnnouncementTests {
    private static let now = Timestamp(microseconds: 0)

    private func notice(_ college: CollegeID?) -> Notice {
        Notice(
            id: NoticeID(42), title: "Holiday \"Monday\"", content: "Closed.", college: college, createdAt: Self.now,
            publishedAt: Self.now)
    }

    private func bulkMessage(data: String) -> BulkMessage {
        let content = NotificationContent(
            title: "T", message: "M", category: "fees", type: "message", link: "/fees", priority: .high,
            data: Array(data.utf8))
        return BulkMessage(
            id: BulkMessageID(7), content: content, status: .running, total: 3, sent: 0, unknown: 0,
            createdAt: Self.now, finishedAt: nil)
    }

    @Test("a notice is announced by its title, with a link to it")
    func announcement() {
        let content = notice(CollegeID(5)).announcement
        #expect(content.title == "New Notice")
        #expect(content.message == "Holiday \"Monday\"")
        #expect(content.type == "notice")
        #expect(content.category == "notice")
        #expect(content.link == "/notices/42")
        #expect(content.priority == .normal)
        #expect(String(decoding: content.data, as: UTF8.self) == #"{"notice_id":42,"url":"/notices/42"}"#)
    }

    @Test("its audience is its college, or everybody")
    func audience() {
        #expect(notice(CollegeID(5)).audience == .college(CollegeID(5)))
        #expect(notice(nil).audience == .everybody)
    }

    @Test(
        "a bulk message's data gets its id as the last member",
        arguments: [
            ("{}", #"{"bulk_message_id":7}"#), (#"{"a":1}"#, #"{"a":1,"bulk_message_id":7}"#),
            (#"{"":""}"#, #"{"":"","bulk_message_id":7}"#),
            (#"{"a":{"b":[1,"}"]}}"#, #"{"a":{"b":[1,"}"]},"bulk_message_id":7}"#),
        ])
    func data(_ data: String, _ expected: String) {
        let notification = bulkMessage(data: data).notification
        #expect(String(decoding: notification.data, as: UTF8.self) == expected)
        #expect(bulkMessage(data: data).content.data == Array(data.utf8))
    }

    @Test("all else of a bulk message is as it was given")
    func content() {
        let notification = bulkMessage(data: "{}").notification
        #expect([notification.title, notification.message, notification.category] == ["T", "M", "fees"])
        #expect([notification.type, notification.link] == ["message", "/fees"])
        #expect(notification.priority == .high)
    }
}
