import Chat
import HTTP
import JSON
import Storage

extension API {
    static let notificationEndpoints = [
        Endpoint(.get, "/api/notifications/") { try await $0.notifications($1) },
        Endpoint(.get, "/api/notifications/unread-count/") { try await $0.unreadCount($1) },
        Endpoint(.post, "/api/notifications/{id}/read/") { try await $0.readNotification($1) },
        Endpoint(.post, "/api/notifications/read-all/") { try await $0.readAllNotifications($1) },
        Endpoint(.post, "/api/notifications/send/") { try await $0.sendNotification($1) },
    ]

    private func notifications(_ call: Call) async throws -> Response {
        let user = try await person(of: call)
        let limit = try call.limit()
        let before = try call.number("before").map { NotificationID($0) }
        let (page, unread) = try await archive.read { store throws(StoreError) in
            let page = try store.notifications.page(of: user, before: before, limit: limit)
            return (page, try store.notifications.unreadCount(of: user))
        }
        return .json {
            $0.array("notifications") { list in
                for (notification, isRead) in page {
                    list.object { notification.write(members: &$0, isRead: isRead) }
                }
            }
            $0.member("unread_count", unread)
        }
    }

    private func unreadCount(_ call: Call) async throws -> Response {
        let user = try await person(of: call)
        let unread = try await unread(of: user)
        return .json { $0.member("unread_count", unread) }
    }

    private func unread(of user: User) async throws -> Int {
        try await archive.read { store throws(StoreError) in try store.notifications.unreadCount(of: user) }
    }

    private func readNotification(_ call: Call) async throws -> Response {
        let user = try await person(of: call)
        let id = NotificationID(try call.id(orThrow: Problem(.unknownNotification)))
        _ = try await perform(.readNotification(id, by: user.id, at: .now))
        return Self.success(unread: try await unread(of: user))
    }

    private func readAllNotifications(_ call: Call) async throws -> Response {
        let user = try await person(of: call)
        _ = try await perform(.readAllNotifications(by: user.id))
        return Self.success(unread: 0)
    }

    private static func success(unread: Int) -> Response {
        .json {
            $0.member("status", "success")
            $0.member("unread_count", unread)
        }
    }

    /// specs/rooms.md, "Send Notification (HTTP)"; open while the server listens on loopback only.
    private func sendNotification(_ call: Call) async throws -> Response {
        let caller = try await openCaller(of: call)
        let (audience, content) = try call.withBody { body in
            (try Self.audience(body), try notification(body, type: "alert"))
        }
        let key = try call.requestKey(of: caller)
        switch try await perform(.notify(audience, content, key: key, at: .now)) {
        case .notified(let notification), .notifiedBefore(let notification):
            let content = notification.content
            return .json {
                $0.member("status", "success")
                $0.member("message", "Notification sent")
                $0.object("data") {
                    // Whoever calls over the local socket prints the id; others get the specification's fields.
                    if call.isLocal { $0.member("id", notification.id.rawValue) }
                    $0.member("title", content.title)
                    $0.member("message", content.message)
                    $0.member("priority", content.priority.rawValue)
                }
            }
        default: throw Refusal.storeUnavailable
        }
    }

    private static func audience(_ body: JSONValue) throws -> Audience {
        switch (try body.id("user_id"), try body.college()) {
        case (let user?, nil): .person(UserID(user))
        case (nil, let college?): .college(college)
        case (nil, nil): .everybody
        default: throw Problem(.badRequest, "Give user_id or college_id, not both")
        }
    }

    /// - Parameter type: Where the body names none.
    func notification(_ body: JSONValue, type: String) throws -> NotificationContent {
        guard let title = body["title"]?.string, !title.isEmpty, let message = body["message"]?.string, !message.isEmpty
        else { throw Problem(.badRequest, "Title and message are required") }
        var content = NotificationContent(title: title, message: message)
        content.type = try body.word("type") ?? type
        if let priority = try body.text("priority") {
            guard let known = Priority(rawValue: priority) else {
                throw Problem(.badRequest, "priority must be low, normal or high")
            }
            content.priority = known
        }
        content.category = try body.word("category") ?? ""
        content.link = try body.word("link")
        if let data = try body.object("data") { content.data = data }
        if let excess = content.excess(maximumText: settings.maxText) { throw Problem(.badRequest, excess) }
        return content
    }
}
