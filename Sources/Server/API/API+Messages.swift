import Chat
import HTTP
import JSON
import Storage

extension API {
    static let messageEndpoints = [
        Endpoint(.get, "/api/conversations/{id}/messages/") { try await $0.messages($1) },
        Endpoint(.post, "/api/conversations/{id}/messages/") { try await $0.sendToConversation($1) },
        Endpoint(.post, "/api/conversations/{id}/read/") { try await $0.readConversation($1) },
        Endpoint(.post, "/api/messages/") { try await $0.sendToPerson($1) },
    ]

    private func messages(_ call: Call) async throws -> Response {
        let user = try await person(of: call)
        let id = ConversationID(try call.id(orThrow: .unknownConversation))
        let limit = try call.limit()
        let before = try call.number("before").map { MessageID($0) }
        let after = try call.number("after").map { MessageID($0) }
        if before != nil && after != nil { throw Problem(.badRequest, "Give before or after, not both") }
        let page = try await archive.read { store throws(StoreError) -> (messages: [Message], hasMore: Bool)? in
            let conversations = store.conversations
            guard try conversations.isMember(user.id, of: id) else { return nil }
            if let after {
                let page = try conversations.messages(of: id, after: after, limit: limit, bytes: Self.pageBytes)
                guard let last = page.last else { return ([], false) }
                return (page, try !conversations.messages(of: id, after: last.id, limit: 1).isEmpty)
            }
            let page = try conversations.messages(of: id, before: before, limit: limit, bytes: Self.pageBytes)
            guard let first = page.first else { return ([], false) }
            return (page, try !conversations.messages(of: id, before: first.id, limit: 1).isEmpty)
        }
        guard let page else { throw Problem.unknownConversation }
        return .json {
            $0.array("messages") { list in
                for message in page.messages { list.object { message.write(members: &$0) } }
            }
            $0.member("has_more", page.hasMore)
        }
    }

    private func sendToConversation(_ call: Call) async throws -> Response {
        let user = try await person(of: call)
        let id = ConversationID(try call.id(orThrow: .unknownConversation))
        let draft = try call.withBody { try Self.draft($0, of: call) }
        return try await send(draft, from: user, to: .conversation(id))
    }

    private func sendToPerson(_ call: Call) async throws -> Response {
        let caller = try await caller(of: call)
        let (given, receiver, senderID) = try call.withBody { body in
            let receiver = UserID(try body.requiredID("receiver_id"))
            return (try Self.draft(body, of: call), receiver, try body.id("sender_id").map { UserID($0) })
        }
        let sender = try await sender(senderID, for: caller)
        // What somebody else names in the sender's name is apart from what the sender does.
        let draft = caller.user?.id == sender.id ? given : given.given(by: caller.scope)
        return try await send(draft, from: sender, to: .person(receiver))
    }

    /// In whose name a message is sent: the caller's own, or for an administrator anybody's.
    private func sender(_ id: UserID?, for caller: Caller) async throws -> User {
        if case .person(let user, _, _) = caller, id == nil || id == user.id { return user }
        guard let id else { throw Problem(.badRequest, "sender_id is required") }
        if !caller.isAdministrator { throw Problem(.forbidden, "This needs an administrator") }
        guard let user = try await readers.read({ store throws(StoreError) in try store.accounts.user(id) }) else {
            throw Problem.unknownUser
        }
        return user
    }

    private static func draft(_ body: JSONValue, of call: Call) throws -> Draft {
        let text = try body.text("text") ?? ""
        let url = try body.text("attachment") ?? ""
        if text.isEmpty && url.isEmpty { throw Problem(.badRequest, "text or attachment is required") }
        let attachment = Attachment(url)
        if attachment == nil, !url.isEmpty { throw Refusal.badAttachment }
        var clientID = try call.idempotencyKey()
        if let text = try body.text("client_id") {
            guard let given = ClientID(text) else { throw Refusal.badClientID }
            if let key = clientID, key != given {
                throw Problem(.badRequest, "client_id and Idempotency-Key name two different messages")
            }
            clientID = given
        }
        return Draft(text: text, attachment: attachment, clientID: clientID)
    }

    private func send(_ draft: Draft, from sender: User, to destination: Destination) async throws -> Response {
        let seat = Seat.chat(sender, backlog: .unneeded)
        switch chat.decide(.send(draft, to: destination), from: seat, at: .now) {
        case .store(let change):
            switch try await perform(change) {
            case .stored(let message), .repeated(let message): return .json(.created) { message.write(members: &$0) }
            default: throw Refusal.storeUnavailable
            }
        case .refuse(let refusal): throw refusal
        case .publish, .type, .look, .leave: throw Refusal.unknownFormat
        }
    }

    private func readConversation(_ call: Call) async throws -> Response {
        let user = try await person(of: call)
        let id = ConversationID(try call.id(orThrow: .unknownConversation))
        _ = try await perform(.markRead(.conversation(id), by: user.id, at: .now))
        return .success
    }
}
