package import Chat
import JSON

/// What a message of a Django project asks Switchboard to do.
package enum ChannelOrder: Sendable {
    /// To be heard on this node at once: other nodes have the message from the layer themselves.
    case publish(Event)
    /// To be stored, and then heard. Its key is the same on every node that has the message, so that only one of those
    /// that share a store stores it.
    case store(Change)
}

extension ChannelMessage {
    /// Reads the message as one for a group.
    ///
    /// - Parameter score: When it was put into the channel, as Redis says it.
    package func order(
        for group: ChannelGroup, sentAt score: [UInt8], _ settings: ChannelSettings, at now: Timestamp
    ) throws(Drop) -> ChannelOrder {
        switch (type, group) {
        case ("notify", .notifications), ("notify", .college), ("notify", .everybody),
            ("send_notification", .notifications), ("send_notification", .college), ("send_notification", .everybody):
            return try notification(for: group, score, settings, at: now)
        case ("chat_message", .chat(let user)): return .publish(try directMessage(to: user, settings, at: now))
        case ("chat_message", .room(let room)): return .publish(try said(in: room, settings, at: now))
        case ("counter_update", .counter):
            return .store(.count(try action(), key: key(for: group, score), at: time(now)))
        default: throw .unknownType
        }
    }

    /// No moment that is yet to come: what is kept for a time would be kept for longer.
    private func time(_ now: Timestamp) -> Timestamp {
        content["timestamp"]?.string.flatMap { Timestamp(iso8601: $0) }.map { min($0, now) } ?? now
    }

    private func key(for group: ChannelGroup, _ score: [UInt8]) -> RequestKey? {
        ClientID(Digest.hexadecimal(fingerprint(sentAt: score))).map {
            RequestKey(scope: "channels \(group.name)", name: $0)
        }
    }

    // MARK: - Notifications

    /// One that has an `id` is somebody else's, who has stored it: it is passed on as it is. One without is stored here.
    private func notification(
        for group: ChannelGroup, _ score: [UInt8], _ settings: ChannelSettings, at now: Timestamp
    ) throws(Drop) -> ChannelOrder {
        let audience: Audience
        switch group {
        case .notifications(let user): audience = .person(user)
        case .college(let college): audience = .college(college)
        case .everybody, .chat, .room, .counter: audience = .everybody
        }
        var words = NotificationContent(
            title: try content.text("title") ?? "", message: try content.text("message") ?? "")
        if words.title.isEmpty && words.message.isEmpty { throw .malformed }
        words.type = try content.text("notification_type") ?? "alert"
        words.category = try content.text("category") ?? ""
        words.link = try content.text("link")
        if let text = try content.text("priority") {
            guard let priority = Priority(rawValue: text) else { throw .malformed }
            words.priority = priority
        }
        if let data = content["data"], !data.isNull {
            guard case .map = data, data.isJSON else { throw .malformed }
            var json = JSONWriter()
            json.append(data)
            words.data = json.finish()
        }
        if words.excess(maximumText: settings.maximumText) != nil { throw .tooLong }
        if let id = try content.id("id") {
            return .publish(
                .notification(
                    Notification(id: NotificationID(id), audience: audience, content: words, sentAt: time(now))))
        }
        return .store(.notify(audience, words, key: key(for: group, score), at: time(now)))
    }

    // MARK: - Messages

    /// A message that the Django project has stored, flat as `campus` has it or in an object as `conversations` does.
    private func directMessage(
        to user: UserID, _ settings: ChannelSettings, at now: Timestamp
    ) throws(Drop) -> Event {
        let message: PackedValue, text: String
        if case .map? = content["message"] {
            message = content["message"]!
            text = try message.text("content") ?? ""
        } else {
            message = content
            text = try message.text("message") ?? ""
        }
        let sender = message["sender"] ?? .null
        let (nested, flat) = (try sender.id("id"), try message.id("sender_id"))
        guard let id = try message.id("id"), let senderID = nested ?? flat else { throw .malformed }
        let url = try message.text("attachment")
        let attachment = url.flatMap { Attachment($0) }
        if text.isEmpty && attachment == nil || attachment == nil && url.map({ !$0.isEmpty }) ?? false {
            throw .malformed
        }
        let username = try sender.text("username")
        let name = try message.text("sender_name") ?? username ?? ""
        let conversation = try message.id("conversation_id").map { ConversationID($0) }
        if text.utf8.count > settings.maximumText || name.utf8.count > 1000 { throw .tooLong }
        let sentAt = message["timestamp"]?.string.flatMap { Timestamp(iso8601: $0) } ?? now
        return .relayed(
            Message(
                id: MessageID(id), conversation: conversation ?? ConversationID(0),
                sender: User(id: UserID(senderID), username: username ?? name, name: name, college: nil), text: text,
                attachment: attachment, sentAt: sentAt),
            in: conversation, to: user)
    }

    private func said(in room: RoomName, _ settings: ChannelSettings, at now: Timestamp) throws(Drop) -> Event {
        guard let text = try content.text("message"), !text.isEmpty else { throw .malformed }
        let username = try content.text("username") ?? ""
        if text.utf8.count > settings.maximumText || username.utf8.count > 1000 { throw .tooLong }
        let time = content["timestamp"]?.string.flatMap { Timestamp(iso8601: $0) } ?? now
        return .room(
            room, .said(text: text, username: username.isEmpty ? "Anonymous" : username, at: time), except: nil)
    }

    private func action() throws(Drop) -> CounterAction {
        let name = try content.text("action")
        if name == "reset" { return .reset }
        guard let amount = content["value"].map(\.integer) ?? 1 else { throw .malformed }
        switch name {
        case "increment": return .increment(amount)
        case "decrement": return .decrement(amount)
        default: throw .malformed
        }
    }
}

extension PackedValue {
    /// The text of that name; `nil` where there is none, or `None`.
    fileprivate func text(_ name: String) throws(ChannelMessage.Drop) -> String? {
        guard let value = self[name], !value.isNull else { return nil }
        guard let text = value.string else { throw .malformed }
        return text
    }

    /// A positive number, or a string of digits.
    fileprivate func id(_ name: String) throws(ChannelMessage.Drop) -> Int64? {
        guard let value = self[name], !value.isNull else { return nil }
        guard let id = value.integer ?? value.string.flatMap({ Int64($0) }), id > 0 else { throw .malformed }
        return id
    }
}
