import Chat
import HTTP
import JSON

extension API {
    static let roomEndpoints = [
        Endpoint(.post, "/api/rooms/{room}/messages/") { try await $0.sayInRoom($1) },
        Endpoint(.post, "/api/counter/") { try await $0.count($1) },
    ]

    private func sayInRoom(_ call: Call) async throws -> Response {
        _ = try await openCaller(of: call)
        guard let room = RoomName(call.parameters[0]) else { throw Problem(.notFound, "Invalid room name") }
        let command = try call.withBody { body in
            Command.say(text: try body.requiredText("message"), username: try body.text("username") ?? "System")
        }
        switch chat.decide(command, from: .room(room), at: .now) {
        case .publish(let event): if !exchange.offer(event) { throw Refusal.tooFast }
        case .refuse(.textTooLong):
            throw Problem(.badRequest, "Invalid message (max \(chat.limits.roomText) characters)")
        case .refuse(let refusal): throw refusal
        case .store, .type, .look, .leave: throw Refusal.unknownFormat
        }
        return .success
    }

    private func count(_ call: Call) async throws -> Response {
        _ = try await openCaller(of: call)
        let action = try call.withBody { try Self.action($0) }
        guard case .counted(_, let total, _) = try await perform(.count(action, at: .now)) else {
            throw Refusal.storeUnavailable
        }
        return .json {
            $0.member("status", "success")
            $0.member("counter", total)
        }
    }

    private static func action(_ body: JSONValue) throws -> CounterAction {
        let name = try body.requiredText("action")
        if name == "reset" { return .reset }
        var amount: Int64 = 1
        if let value = body["value"], !value.isNull {
            guard let number = value.int64 else { throw Problem(.badRequest, "value must be a number") }
            amount = number
        }
        switch name {
        case "increment": return .increment(amount)
        case "decrement": return .decrement(amount)
        default: throw Problem(.badRequest, "action must be increment, decrement or reset")
        }
    }
}
