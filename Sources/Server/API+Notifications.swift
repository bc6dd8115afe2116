import Chat
import EventLoop
import HTTP
import JSON
import Storage

extension API {
    func notifications(_ call: Call) async throws -> Response {
        let user = try await caller(of: call)
        let limit = try Self.number(call, "limit") ?? 50
        guard (1...200).contains(limit) else { throw Problem(.badRequest, "limit must be 1 to 200") }
        let before = try Self.number(call, "before").map { NotificationID($0) }
        let (page, unread) = try await readers.read { store throws(StoreError) in
            let page = try store.notifications.page(of: user, before: before, limit: Int(limit))
            return (page, try store.notifications.unreadCount(of: user))
        }
        return .json(
            .ok,
            Self.json {
                $0.array("notifications") { list in
                    for (notification, isRead) in page {
                        list.object { notification.write(members: &$0, isRead: isRead) }
                    }
                }
                $0.member("unread_count", unread)
            })
    }

    private static func number(_ call: Call, _ name: String) throws -> Int64? {
        guard let text = call.request.queryValue(name) else { return nil }
        guard let number = Int64(text) else { throw Problem(.badRequest, "\(name) must be a number") }
        return number
    }

    func readNotification(_ call: Call) async throws -> Response {
        let user = try await caller(of: call)
        guard let id = Int64(call.parameters[0]) else { throw Problem(.notFound, "Notification not found.") }
        switch await writer.perform(.readNotification(NotificationID(id), by: user.id, at: .now)) {
        case .refused(.unknownNotification): throw Problem(.notFound, "Notification not found.")
        case .refused: throw Problem(.serviceUnavailable, "The store is not available")
        default: break
        }
        let unread = try await readers.read { store throws(StoreError) in
            try store.notifications.unreadCount(of: user)
        }
        return .json(
            .ok,
            Self.json {
                $0.member("status", "success")
                $0.member("unread_count", unread)
            })
    }

    /// specs/rooms.md, "Send Notification (HTTP)"; open while the server listens on loopback only.
    func sendNotification(_ call: Call) async throws -> Response {
        guard call.isLocal || settings.listen.isLoopback || hasAPIKey(call) else {
            throw Problem(.unauthorized, "An API key is required", headers: [("WWW-Authenticate", "Bearer")])
        }
        let (audience, content) = try Self.withBody(of: call) { body in
            (try Self.audience(body), try Self.content(body))
        }
        switch await writer.perform(.notify(audience, content, at: .now)) {
        case .notified(let notification):
            return .json(
                .ok,
                Self.json {
                    $0.member("status", "success")
                    $0.member("message", "Notification sent")
                    $0.object("data") {
                        // Whoever calls over the local socket prints the id; others get the specification's fields.
                        if call.isLocal { $0.member("id", notification.id.rawValue) }
                        $0.member("title", content.title)
                        $0.member("message", content.message)
                        $0.member("priority", content.priority.rawValue)
                    }
                })
        case .refused(.unknownRecipient): throw Problem(.notFound, "User not found")
        default: throw Problem(.serviceUnavailable, "The store is not available")
        }
    }

    private static func audience(_ body: JSONValue) throws -> Audience {
        let user = try id(body, "user_id")
        let college = try id(body, "college_id")
        switch (user, college) {
        case (let user?, nil): return .person(UserID(user))
        case (nil, let college?): return .college(CollegeID(college))
        case (nil, nil): return .everybody
        default: throw Problem(.badRequest, "Give user_id or college_id, not both")
        }
    }

    private static func id(_ body: JSONValue, _ name: StaticString) throws -> Int64? {
        guard let value = body[name], !value.isNull else { return nil }
        guard let id = value.int64 ?? value.string.flatMap({ Int64($0) }) else {
            throw Problem(.badRequest, "\(name) must be a number")
        }
        return id
    }

    private static func content(_ body: JSONValue) throws -> NotificationContent {
        guard let title = body["title"]?.string, !title.isEmpty, let message = body["message"]?.string, !message.isEmpty
        else { throw Problem(.badRequest, "Title and message are required") }
        var content = NotificationContent(title: title, message: message)
        if let priority = try text(body, "priority") {
            guard let known = Priority(rawValue: priority) else {
                throw Problem(.badRequest, "priority must be low, normal or high")
            }
            content.priority = known
        }
        if let category = try text(body, "category") { content.category = category }
        if let type = try text(body, "type") { content.type = type }
        content.link = try text(body, "link")
        if let data = body["data"], !data.isNull {
            guard data.isObject else { throw Problem(.badRequest, "data must be an object") }
            var json = JSONWriter()
            data.write(into: &json)
            content.data = json.bytes
        }
        return content
    }

    private static func text(_ body: JSONValue, _ name: StaticString) throws -> String? {
        guard let value = body[name], !value.isNull else { return nil }
        guard let text = value.string else { throw Problem(.badRequest, "\(name) must be a string") }
        return text
    }
}

extension Notification {
    /// Writes everything about a notification as members of an object.
    func write(members json: inout JSONWriter, isRead: Bool) {
        json.member("id", id.rawValue)
        json.member("title", content.title)
        json.member("message", content.message)
        json.member("category", content.category)
        json.member("type", content.type)
        if let link = content.link { json.member("link", link) } else { json.null("link") }
        json.member("priority", content.priority.rawValue)
        json.raw("data", content.data)
        json.member("timestamp", sentAt.formatted(.seconds))
        json.member("is_read", isRead)
    }
}
