// The Swift types that are JSON values by themselves.

extension String: JSONWritable {
    public func write(into json: inout JSONWriter) {
        unsafe utf8.span.withUnsafeBufferPointer { unsafe json.append(utf8: $0) }
    }
}

extension Bool: JSONWritable {
    public func write(into json: inout JSONWriter) { json.raw(self ? "true" : "false") }
}

extension Int: JSONWritable {
    public func write(into json: inout JSONWriter) { json.append(magnitude: UInt64(magnitude), isNegative: self < 0) }
}

extension Int64: JSONWritable {
    public func write(into json: inout JSONWriter) { json.append(magnitude: magnitude, isNegative: self < 0) }
}

extension UInt64: JSONWritable {
    public func write(into json: inout JSONWriter) { json.append(magnitude: self, isNegative: false) }
}

/// The shortest digits that read back as the same number; `null` for infinities and "not a number".
extension Double: JSONWritable {
    public func write(into json: inout JSONWriter) { json.append(number: self) }
}

extension Optional: JSONWritable where Wrapped: JSONWritable {
    public func write(into json: inout JSONWriter) {
        switch self {
        case let value?: value.write(into: &json)
        case nil: json.null()
        }
    }
}
