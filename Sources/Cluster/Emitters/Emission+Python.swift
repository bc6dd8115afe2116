import Foundation
package import JSON

/// What python-socketio's managers publish, write-only ones and those of servers: JSON since 5.14.
extension Emission {
    /// - Parameter bytes: `{"method":"emit","event":…,"data":[…],"room":…,"skip_sid":…}` and the like.
    /// - Returns: `nil` for what such servers tell one another only.
    package static func ofPython(_ bytes: [UInt8], with parser: JSONParser) throws(Drop) -> Emission? {
        // How pickles of the versions 2 to 5 begin.
        if bytes.count >= 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) { throw .pickle }
        guard let message = try? parser.parse(bytes.span), let method = message["method"]?.string else {
            throw .malformed
        }
        if method == "callback" { return nil }
        if let namespace = message["namespace"]?.string, namespace != "/" { throw .unknownNamespace }
        switch method {
        case "emit":
            return try Emission(
                rooms: names(message["room"]), except: names(message["skip_sid"]), order: event(message)
            ).checked()
        case "enter_room", "leave_room":
            let rooms = try names(message["room"])
            guard let sid = message["sid"]?.string, !rooms.isEmpty else { throw .malformed }
            return try Emission(rooms: [sid], order: method == "enter_room" ? .join(rooms) : .leave(rooms)).checked()
        case "close_room":
            let rooms = try names(message["room"])
            if rooms.isEmpty { throw .malformed }
            return try Emission(rooms: rooms, order: .leave(rooms)).checked()
        case "disconnect":
            guard let sid = message["sid"]?.string else { throw .malformed }
            return try Emission(rooms: [sid], order: .disconnect).checked()
        default: throw .unknownMethod
        }
    }

    /// `data` is a list of arguments. With `binary`, it is that list, with placeholders, and then each attachment in Base64.
    private static func event(_ message: JSONValue) throws(Drop) -> Order {
        guard let name = message["event"], name.isString, let data = message["data"] else { throw .malformed }
        var elements = [json(name)]
        if message["binary"]?.bool != true {
            // Older versions did not put one argument into a list.
            if data.isArray { data.forEachElement { elements.append(json($0)) } } else { elements.append(json(data)) }
            // `emit(name, None)` has no argument.
            if elements.count == 2, elements[1] == Array("null".utf8) { elements.removeLast() }
            return .event(elements)
        }
        var attachments: [[UInt8]] = []
        var isFirst = true
        try data.forEachElement { (element) throws(Drop) in
            if isFirst {
                element.forEachElement { elements.append(json($0)) }
                isFirst = false
            } else {
                guard let bytes = element.string.flatMap({ Data(base64Encoded: $0) }) else { throw .malformed }
                attachments.append(Array(bytes))
            }
        }
        return .event(elements, attachments: attachments)
    }

    private static func json(_ value: JSONValue) -> [UInt8] {
        var json = JSONWriter()
        json.append(value)
        return json.finish()
    }
}
