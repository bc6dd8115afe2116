import Chat
import HTTP
import JSON
import Storage

extension API {
    static let userEndpoints = [
        Endpoint(.get, "/api/users/") { try await $0.users($1) },
        Endpoint(.get, "/api/users/{id}/") { try await $0.user($1) },
        Endpoint(.delete, "/api/users/{id}/") { try await $0.deleteUser($1) },
        Endpoint(.post, "/api/users/{id}/disable/") { try await $0.setDisabled(true, $1) },
        Endpoint(.post, "/api/users/{id}/enable/") { try await $0.setDisabled(false, $1) },
    ]

    private func users(_ call: Call) async throws -> Response {
        let caller = try await caller(of: call)
        let (limit, after) = (try call.limit(), UserID(try call.number("after") ?? 0))
        let keyword = try call.text("search") ?? ""
        let oneself = caller.user?.id
        let users = try await archive.read { store throws(StoreError) in
            keyword.isEmpty
                ? try store.accounts.page(after: after, limit: limit + 1)
                : try store.accounts.search(keyword, besides: oneself, after: after, limit: limit + 1)
        }
        let page = Call.Page(users, limit: limit)
        return .json {
            $0.array("users") { list in for user in page.items { list.object { user.write(members: &$0) } } }
            $0.member("next", page.end?.id.rawValue)
        }
    }

    private func user(_ call: Call) async throws -> Response {
        _ = try await caller(of: call)
        let id = UserID(try call.id(orThrow: .unknownUser))
        let user = try await readers.read { store throws(StoreError) in
            try store.accounts.state(of: id) == .deleted ? nil : try store.accounts.user(id)
        }
        guard let user else { throw Problem.unknownUser }
        return .json { user.write(members: &$0) }
    }

    private func setDisabled(_ isDisabled: Bool, _ call: Call) async throws -> Response {
        try await administrator(of: call)
        let id = UserID(try call.id(orThrow: .unknownUser))
        let isKnown = try await writer.perform { store throws(StoreError) in try store.setDisabled(isDisabled, id) }
        if !isKnown { throw Problem.unknownUser }
        return .success
    }

    /// The account is gone with the answer; the rest is erased behind it.
    private func deleteUser(_ call: Call) async throws -> Response {
        try await administrator(of: call)
        let id = UserID(try call.id(orThrow: .unknownUser))
        let keepsMessages = try call.text("keep_messages") ?? "false"
        guard let keepsMessages = Bool(keepsMessages) else {
            throw Problem(.badRequest, "keep_messages must be true or false")
        }
        let isKnown = try await writer.perform { store throws(StoreError) in
            try store.delete(id, keepingMessages: keepsMessages)
        }
        if !isKnown { throw Problem.unknownUser }
        return .json(.accepted) { $0.member("status", "success") }
    }
}
