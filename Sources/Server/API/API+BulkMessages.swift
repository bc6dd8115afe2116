import Chat
import HTTP
import JSON
import Storage

extension API {
    static let bulkMessageEndpoints = [
        Endpoint(.get, "/api/bulk-messages/") { try await $0.bulkMessages($1) },
        Endpoint(.post, "/api/bulk-messages/") { try await $0.addBulkMessage($1) },
        Endpoint(.get, "/api/bulk-messages/{id}/") { try await $0.bulkMessage($1) },
        Endpoint(.post, "/api/bulk-messages/{id}/cancel/") { try await $0.cancelBulkMessage($1) },
    ]

    /// People that one request can name.
    private static let listLimit = 10_000
    private static let unknown = Problem(.notFound, "Bulk message not found.")

    private func bulkMessages(_ call: Call) async throws -> Response {
        try await administrator(of: call)
        let limit = try call.limit()
        let before = try call.number("before").map { BulkMessageID($0) }
        let messages = try await archive.read { store throws(StoreError) in
            try store.bulkMessages.page(before: before, limit: limit + 1)
        }
        let page = Call.Page(messages, limit: limit)
        return .json {
            $0.array("bulk_messages") { list in
                for message in page.items { list.object { message.write(members: &$0) } }
            }
            $0.member("next", page.end?.id.rawValue)
        }
    }

    private func addBulkMessage(_ call: Call) async throws -> Response {
        let caller = try await administrator(of: call)
        let (content, recipients) = try call.withBody { body in
            if body["data"]?["bulk_message_id"] != nil {
                throw Problem(.badRequest, "data gets a bulk_message_id of its own")
            }
            return (try notification(body, type: "message"), try Self.recipients(body))
        }
        let key = try call.requestKey(of: caller)
        let message = try await writer.perform { store throws(StoreError) in
            try store.addBulkMessage(content, for: recipients, key: key, at: .now)
        }
        writer.startBulkWork()
        return try Self.show(message, .accepted)
    }

    private static func recipients(_ body: JSONValue) throws -> BulkMessage.Recipients {
        let people = try body.ids("user_ids", limit: listLimit)
        let college = try body.college()
        switch (people, college, try body.flag("everybody")) {
        case (let people?, nil, false): return .people(people)
        case (nil, let college?, false): return .college(college)
        case (nil, nil, true): return .everybody
        default: throw Problem(.badRequest, "Give one of user_ids, college_id and everybody")
        }
    }

    private func bulkMessage(_ call: Call) async throws -> Response {
        try await administrator(of: call)
        let id = BulkMessageID(try call.id(orThrow: Self.unknown))
        return try Self.show(
            await archive.read { store throws(StoreError) in try store.bulkMessages.bulkMessage(id) })
    }

    private func cancelBulkMessage(_ call: Call) async throws -> Response {
        try await administrator(of: call)
        let id = BulkMessageID(try call.id(orThrow: Self.unknown))
        return try Self.show(
            await writer.perform { store throws(StoreError) in try store.cancelBulkMessage(id, at: .now) })
    }

    private static func show(_ message: BulkMessage?, _ status: Status = .ok) throws -> Response {
        guard let message else { throw unknown }
        return .json(status) { message.write(members: &$0) }
    }
}
