import Chat
import HTTP
import JSON
import Storage

extension API {
    static let noticeEndpoints = [
        Endpoint(.get, "/api/notices/") { try await $0.notices($1) },
        Endpoint(.post, "/api/notices/") { try await $0.addNotice($1) },
        Endpoint(.get, "/api/notices/{id}/") { try await $0.notice($1) },
        Endpoint(.post, "/api/notices/{id}/publish/") { try await $0.publishNotice($1) },
    ]

    private func notices(_ call: Call) async throws -> Response {
        let caller = try await caller(of: call)
        let limit = try call.limit()
        let before = try call.number("before").map { NoticeID($0) }
        let college = try call.college()
        let notices: [Notice]
        switch caller {
        case .person(let user, _, isAdministrator: false):
            if let college, college != user.college { throw Problem(.forbidden, "This needs an administrator") }
            notices = try await archive.read { store throws(StoreError) in
                try store.notices.page(for: user, before: before, limit: limit + 1)
            }
        case .person, .backEnd:
            notices = try await archive.read { store throws(StoreError) in
                try store.notices.page(of: college, before: before, limit: limit + 1)
            }
        }
        let page = Call.Page(notices, limit: limit)
        return .json {
            $0.array("notices") { list in for notice in page.items { list.object { notice.write(members: &$0) } } }
            $0.member("next", page.end?.id.rawValue)
        }
    }

    private func notice(_ call: Call) async throws -> Response {
        let caller = try await caller(of: call)
        let id = NoticeID(try call.id(orThrow: Problem(.unknownNotice)))
        let found = try await archive.read { store throws(StoreError) in try store.notices.notice(id) }
        guard let notice = found, Self.isVisible(notice, to: caller) else { throw Refusal.unknownNotice }
        return .json { notice.write(members: &$0) }
    }

    private static func isVisible(_ notice: Notice, to caller: Caller) -> Bool {
        guard case .person(let user, _, isAdministrator: false) = caller else { return true }
        return notice.publishedAt != nil && (notice.college == nil || notice.college == user.college)
    }

    private func addNotice(_ call: Call) async throws -> Response {
        let caller = try await administrator(of: call)
        let (draft, isPublished) = try call.withBody { body in
            guard let title = try body.text("title", limit: 1000) else {
                throw Problem(.badRequest, "title is required")
            }
            let content = try body.text("content") ?? ""
            if content.utf8.count > settings.maxText { throw Problem(.badRequest, "content is too long") }
            let college = try body.college()
            return (NoticeDraft(title: title, content: content, college: college), try body.flag("publish"))
        }
        let key = try call.requestKey(of: caller)
        return try await show(.addNotice(draft, isPublished: isPublished, key: key, at: .now), .created)
    }

    private func publishNotice(_ call: Call) async throws -> Response {
        try await administrator(of: call)
        let id = NoticeID(try call.id(orThrow: Problem(.unknownNotice)))
        return try await show(.publishNotice(id, at: .now), .ok)
    }

    private func show(_ change: Change, _ status: Status) async throws -> Response {
        guard case .notice(let notice, _) = try await perform(change) else { throw Refusal.storeUnavailable }
        return .json(status) { notice.write(members: &$0) }
    }
}
