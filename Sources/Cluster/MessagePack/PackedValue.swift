package import JSON

/// One value of MessagePack (the specification of 2013, with the types that JSON has no words for).
package indirect enum PackedValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// Beyond ``integer(_:)``.
    case unsigned(UInt64)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case array([PackedValue])
    case map([Member])
    case other(type: Int8, [UInt8])

    package struct Member: Sendable, Equatable {
        package let key: String
        package let value: PackedValue
    }

    /// The member of that name, the last if there are several; `nil` where there is none, or this is no map.
    package subscript(_ key: String) -> PackedValue? {
        guard case .map(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    package var string: String? { if case .string(let text) = self { text } else { nil } }
    package var array: [PackedValue]? { if case .array(let values) = self { values } else { nil } }
    package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    package var isNull: Bool { self == .null }

    /// Whether JSON can hold it: it is free of bytes and of other types.
    package var isJSON: Bool {
        switch self {
        case .null, .bool, .integer, .unsigned, .double, .string: true
        case .bytes, .other: false
        case .array(let values): values.allSatisfy(\.isJSON)
        case .map(let members): members.allSatisfy(\.value.isJSON)
        }
    }
}

extension PackedValue: JSONWritable {
    /// Writes it as JSON; what ``isJSON`` excludes becomes `null`, as do infinities.
    package func write(into json: inout JSONWriter) {
        switch self {
        case .null, .bytes, .other: json.null()
        case .bool(let value): json.append(value)
        case .integer(let value): json.append(value)
        case .unsigned(let value): json.append(value)
        case .double(let value): json.append(value)
        case .string(let text): json.append(text)
        case .array(let values): json.array { json in for value in values { json.append(value) } }
        case .map(let members):
            json.object { json in for member in members { json.member(key: member.key, member.value) } }
        }
    }
}
