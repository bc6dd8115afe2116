package import Chat
import HTTP
package import JSON

// How the API writes what it shows.

extension Response {
    static func json(_ status: Status = .ok, _ write: (inout JSONWriter) -> Void) -> Response {
        var json = JSONWriter()
        json.object(write)
        return .json(status, json.bytes)
    }

    static var success: Response { .json { $0.member("status", "success") } }
}

extension User {
    /// Writes the public facts as members of an object.
    package func write(members json: inout JSONWriter) {
        writeName(members: &json)
        json.member("college", college?.rawValue)
    }

    /// The same for whoever talks to the person.
    func writeName(members json: inout JSONWriter) {
        json.member("id", id.rawValue)
        json.member("username", username)
        json.member("name", name)
    }
}

extension Message {
    func write(members json: inout JSONWriter) {
        json.member("id", id.rawValue)
        json.member("conversation_id", conversation.rawValue)
        json.object("sender") { sender.writeName(members: &$0) }
        json.member("text", text)
        json.member("attachment", attachment?.url)
        json.member("timestamp", sentAt.formatted(.milliseconds))
    }
}

extension Conversation.Summary {
    func write(members json: inout JSONWriter) {
        json.member("id", conversation.id.rawValue)
        json.member("is_group", conversation.isGroup)
        json.member("title", conversation.title)
        json.array("participants") { list in
            for user in conversation.participants { list.object { user.writeName(members: &$0) } }
        }
        if let lastMessage {
            json.object("last_message") { lastMessage.write(members: &$0) }
        } else {
            json.null("last_message")
        }
        json.member("unread_count", unreadCount)
    }
}

extension Notification {
    func write(members json: inout JSONWriter, isRead: Bool) {
        json.member("id", id.rawValue)
        json.member("title", content.title)
        json.member("message", content.message)
        json.member("category", content.category)
        json.member("type", content.type)
        json.member("link", content.link)
        json.member("priority", content.priority.rawValue)
        json.raw("data", content.data)
        json.member("timestamp", sentAt.formatted(.seconds))
        json.member("is_read", isRead)
    }
}

extension Notice {
    func write(members json: inout JSONWriter) {
        json.member("id", id.rawValue)
        json.member("title", title)
        json.member("content", content)
        json.member("college", college?.rawValue)
        json.member("is_published", publishedAt != nil)
        json.member("created_at", createdAt.formatted(.milliseconds))
        json.member("published_at", publishedAt?.formatted(.milliseconds))
    }
}

extension BulkMessage {
    func write(members json: inout JSONWriter) {
        json.member("id", id.rawValue)
        json.member("title", content.title)
        json.member("message", content.message)
        json.member("status", status.rawValue)
        json.member("total", total)
        json.member("sent", sent)
        json.member("unknown", unknown)
        json.member("created_at", createdAt.formatted(.milliseconds))
        json.member("finished_at", finishedAt?.formatted(.milliseconds))
    }
}
