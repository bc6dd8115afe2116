import Chat
import HTTP
import JSON
import Storage

extension API {
    static let conversationEndpoints = [
        Endpoint(.get, "/api/conversations/") { try await $0.conversations($1) },
        Endpoint(.post, "/api/conversations/") { try await $0.startConversation($1) },
        Endpoint(.get, "/api/conversations/{id}/") { try await $0.conversation($1) },
        Endpoint(.post, "/api/conversations/{id}/members/") { try await $0.addMembers($1) },
        Endpoint(.delete, "/api/conversations/{id}/members/{user_id}/") { try await $0.removeMember($1) },
    ]

    /// People in one group.
    private static let groupLimit = 1000
    /// People in the conversations of one page, all in all, after which it ends.
    private static let pagePeople = 2000

    private func conversations(_ call: Call) async throws -> Response {
        let user = try await person(of: call)
        let limit = try call.limit()
        let place = try call.text("before").map { text in
            guard let place = Conversations.Place(cursor: text) else {
                throw Problem(.badRequest, "before must be the next of an earlier answer")
            }
            return place
        }
        let (summaries, end) = try await archive.read { store throws(StoreError) in
            // One more than a page may have tells that there are more.
            let list = try store.conversations.list(
                of: user.id, behind: place, limit: limit + 1, people: Self.pagePeople)
            var summaries: [Conversation.Summary] = []
            var (people, bytes) = (0, 0)
            for item in list where summaries.count < limit && people < Self.pagePeople && bytes < Self.pageBytes {
                let summary = try store.conversations.summary(of: item.conversation, for: user.id)
                people += item.conversation.participants.count
                bytes += summary.lastMessage?.text.utf8.count ?? 0
                summaries.append(summary)
            }
            return (summaries, summaries.count < list.count ? list[summaries.count - 1].place : nil)
        }
        return .json {
            $0.array("conversations") { list in
                for summary in summaries { list.object { summary.write(members: &$0) } }
            }
            $0.member("next", end?.cursor)
        }
    }

    private func startConversation(_ call: Call) async throws -> Response {
        let user = try await person(of: call)
        let (others, title) = try call.withBody { body in
            let one = try body.id("user_id").map { UserID($0) }
            let several = try body.ids("user_ids", limit: Self.groupLimit - 1)
            if one != nil && several != nil { throw Problem(.badRequest, "Give user_id or user_ids, not both") }
            guard let others = one.map({ [$0] }) ?? several else {
                throw Problem(.badRequest, "user_id or user_ids is required")
            }
            let title = try body.text("title", limit: 300)
            if one != nil && title != nil {
                throw Problem(.badRequest, "A conversation of two people has no title")
            }
            return (Set(others).subtracting([user.id]).sorted(), title)
        }
        if others.isEmpty { throw Problem(.badRequest, "You cannot start a conversation with yourself.") }
        if others.count == 1, title == nil {
            let outcome = try await perform(.startConversation(by: user, with: others[0], at: .now))
            guard case .started(let conversation, let isNew) = outcome else { throw Refusal.storeUnavailable }
            return try await show(conversation.id, to: user, isNew ? .created : .ok)
        }
        let group = try await writer.perform { store throws(StoreError) in
            try store.startGroup(of: [user.id] + others, title: title, at: .now)
        }
        guard let group else { throw Problem.unknownUser }
        return try await show(group.id, to: user, .created)
    }

    private func conversation(_ call: Call) async throws -> Response {
        let user = try await person(of: call)
        return try await show(ConversationID(try call.id(orThrow: .unknownConversation)), to: user)
    }

    private func show(_ id: ConversationID, to user: User, _ status: Status = .ok) async throws -> Response {
        let summary = try await archive.read { store throws(StoreError) -> Conversation.Summary? in
            guard let conversation = try store.conversations.conversation(id, of: user.id) else { return nil }
            return try store.conversations.summary(of: conversation, for: user.id)
        }
        guard let summary else { throw Problem.unknownConversation }
        return .json(status) { summary.write(members: &$0) }
    }

    // MARK: - Members

    private func addMembers(_ call: Call) async throws -> Response {
        let user = try await person(of: call)
        let id = ConversationID(try call.id(orThrow: .unknownConversation))
        let people = try call.withBody { body in
            guard let people = try body.ids("user_ids", limit: Self.groupLimit) else {
                throw Problem(.badRequest, "user_ids is required")
            }
            return people
        }
        try await change(id, by: user) { store, group, _ throws(StoreError) in
            if Set(group.participants.map(\.id)).union(people).count > Self.groupLimit {
                return Problem(.badRequest, "A group has at most \(Self.groupLimit) people")
            }
            for person in people where try store.user(person) == nil { return .unknownUser }
            try store.add(people, to: id)
            return nil
        }
        return try await show(id, to: user)
    }

    private func removeMember(_ call: Call) async throws -> Response {
        let (user, _, isAdministrator) = try await signedIn(of: call)
        let id = ConversationID(try call.id(orThrow: .unknownConversation))
        let member = UserID(try call.id(1, orThrow: .unknownUser))
        try await change(id, by: user) { store, group, events throws(StoreError) in
            if !isAdministrator && member != user.id {
                return Problem(.forbidden, "Others can be removed by an administrator only")
            }
            if !group.participants.contains(where: { $0.id == member }) { return .unknownUser }
            try store.remove(member, from: id)
            events.append(.removed(member, from: id))
            return nil
        }
        return .success
    }

    /// Changes who is in a group that the caller is in.
    private func change(
        _ id: ConversationID, by user: User,
        _ body: @escaping @Sendable (Store, Conversation, inout [Event]) throws(StoreError) -> Problem?
    ) async throws {
        let problem = try await writer.perform { store, events throws(StoreError) -> Problem? in
            guard let group = try store.conversations.conversation(id, of: user.id) else {
                return .unknownConversation
            }
            if !group.isGroup { return Problem(.badRequest, "A conversation of two people can't be changed") }
            return try body(store, group, &events)
        }
        if let problem { throw problem }
    }
}

extension Conversations.Place {
    /// As the API hands it out and takes it back.
    fileprivate var cursor: String { "\(activeAt.microseconds)-\(id)" }

    fileprivate init?(cursor: String) {
        let parts = cursor.split(separator: "-", omittingEmptySubsequences: false).map { Int64(digits: String($0)) }
        guard parts.count == 2, let time = parts[0], let id = parts[1] else { return nil }
        self.init(activeAt: Timestamp(microseconds: time), id: ConversationID(id))
    }
}
