import Chat
import HTTP
import JSON
import Storage

extension API {
    static let userEndpoints = [
        Endpoint(.get, "/api/users/") { try await $0.users($1) },
        Endpoint(.get, "/api/users/{id}/") { try await $0.user($1) },
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
        guard let user = try await readers.read({ store throws(StoreError) in try store.accounts.user(id) }) else {
            throw Problem.unknownUser
        }
        return .json { user.write(members: &$0) }
    }
}
