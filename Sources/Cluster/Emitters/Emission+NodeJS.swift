import Chat
package import JSON

/// What `@socket.io/redis-emitter` publishes, and `@socket.io/redis-adapter` in the same form: events as MessagePack, and
/// requests as JSON.
extension Emission {
    /// - Parameter bytes: `[uid, {type, data, nsp}, {rooms, except, flags}]`
    package init(nodeEvent bytes: [UInt8]) throws(Drop) {
        guard let parts = (try? MessagePack.decode(bytes))?.array, parts.count >= 2, let data = parts[1]["data"]?.array,
            data.first?.string != nil
        else { throw .malformed }
        // An event, or one with attachments.
        guard let type = parts[1]["type"]?.integer, type == 2 || type == 5 else { throw .unknownMethod }
        if let namespace = parts[1]["nsp"]?.string, namespace != "/" { throw .unknownNamespace }
        var attachments: [[UInt8]] = []
        let elements = data.map { value in
            var json = JSONWriter()
            json.append(value.detached(&attachments))
            return json.finish()
        }
        let options = parts.count > 2 ? parts[2] : .null
        self.init(
            rooms: try Self.names(options["rooms"]), except: try Self.names(options["except"]),
            order: .event(elements, attachments: attachments))
        self = try checked()
    }

    /// - Parameter bytes: `{"type":4,"opts":{"rooms":[…],"except":[…]}}`, and `rooms` where some are to be joined or left.
    /// - Returns: `nil` for what servers of Node.js ask one another.
    package static func ofNodeRequest(_ bytes: [UInt8], with parser: JSONParser) throws(Drop) -> Emission? {
        guard let request = try? parser.parse(bytes.span), let type = request["type"]?.int64 else {
            throw .malformed
        }
        guard (2...4).contains(type) else {
            if type >= 0, type < 10 { return nil }
            throw .unknownMethod
        }
        guard let options = request["opts"] else { return nil }
        let order: Order =
            switch type {
            case 2: .join(try names(request["rooms"]))
            case 3: .leave(try names(request["rooms"]))
            default: .disconnect
            }
        return try Emission(rooms: names(options["rooms"]), except: names(options["except"]), order: order).checked()
    }

    private static func names(_ value: PackedValue?) throws(Drop) -> [String] {
        guard let value, !value.isNull else { return [] }
        guard let list = value.array, list.allSatisfy({ $0.name != nil }) else { throw .malformed }
        return list.compactMap(\.name)
    }

    /// The names in a list; one alone need be in none.
    static func names(_ value: JSONValue?) throws(Drop) -> [String] {
        guard let value, !value.isNull else { return [] }
        if let name = value.roomName { return [name] }
        guard value.isArray else { throw .malformed }
        var names: [String] = []
        try value.forEachElement { (element) throws(Drop) in
            guard let name = element.roomName else { throw .malformed }
            names.append(name)
        }
        return names
    }
}

extension JSONValue {
    /// Rooms may be numbers too.
    fileprivate var roomName: String? { string ?? int64.map { String($0) } }
}

extension PackedValue {
    fileprivate var name: String? { string ?? integer.map { String($0) } }

    /// `undefined`, as notepack.io writes it.
    private var isUndefined: Bool { self == .other(type: 0, [0]) }

    /// The value as JavaScript's `JSON.stringify` would have it, with placeholders for bytes, which are taken out.
    fileprivate func detached(_ attachments: inout [[UInt8]]) -> PackedValue {
        switch self {
        case .bytes(let bytes):
            attachments.append(bytes)
            return .map([
                Member(key: "_placeholder", value: .bool(true)),
                Member(key: "num", value: .integer(Int64(attachments.count - 1))),
            ])
        case .other(let type, let bytes):
            if isUndefined { return .null }
            if let moment = Self.moment(type, bytes) { return .string(moment.formatted(.milliseconds)) }
            return PackedValue.bytes(bytes).detached(&attachments)
        case .array(let values): return .array(values.map { $0.detached(&attachments) })
        case .map(let members):
            return .map(
                members.filter { !$0.value.isUndefined }.map {
                    Member(key: $0.key, value: $0.value.detached(&attachments))
                })
        case .null, .bool, .integer, .unsigned, .double, .string: return self
        }
    }

    /// A moment: MessagePack's own type -1, or the milliseconds that older versions of notepack.io wrote as type 0.
    private static func moment(_ type: Int8, _ bytes: [UInt8]) -> Timestamp? {
        let number = bytes.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let seconds: Int64, nanoseconds: Int64
        switch (type, bytes.count) {
        case (0, 8):
            (seconds, nanoseconds) = (Int64(bitPattern: number) / 1000, Int64(bitPattern: number) % 1000 * 1_000_000)
        case (-1, 4): (seconds, nanoseconds) = (Int64(number), 0)
        case (-1, 8): (seconds, nanoseconds) = (Int64(number & 0x3_FFFF_FFFF), Int64(number >> 34))
        case (-1, 12):
            (seconds, nanoseconds) = (Int64(bitPattern: number), bytes.prefix(4).reduce(0) { $0 << 8 | Int64($1) })
        default: return nil
        }
        // The years 0 to 9999.
        guard (-62_167_219_200..<253_402_300_800).contains(seconds) else { return nil }
        return Timestamp(microseconds: seconds * 1_000_000 + nanoseconds / 1000)
    }
}
