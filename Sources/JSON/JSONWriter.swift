/// Writes compact JSON (RFC 8259) into bytes.
///
/// ```swift
/// var json = JSONWriter()
/// json.object {
///     $0.member("type", "chat_message")
///     $0.member("id", 5)
///     $0.array("tags") { $0.append("new") }
/// }
/// ```
///
/// Commas and escapes are the writer's care; that members stand only in objects, and a single value at the top, is the
/// caller's.
/// A body that throws leaves half a document behind.
///
/// Public, as what is generic and used in other modules is specialized only then.
public struct JSONWriter {
    /// What was written so far, UTF-8, and before it what ``init(behind:)`` was given.
    public private(set) var bytes: [UInt8] = []
    /// Whether a value precedes in the same array or object.
    private var needsComma = false

    /// - Parameter capacity: How many bytes are expected; more is no error.
    public init(reserving capacity: Int = 256) {
        bytes.reserveCapacity(capacity)
    }

    /// Writes the document behind bytes that are no part of it.
    public init(behind bytes: consuming [UInt8]) { self.bytes = bytes }

    /// Writes the elements of an array behind bytes that end with its bracket; see ``finishArray()``. Shared bytes cost
    /// nothing where none is written.
    public init(inArrayBehind bytes: consuming [UInt8]) { self.bytes = bytes }

    /// Closes the array that ``init(inArrayBehind:)`` began in, and gives the bytes away.
    public mutating func finishArray() -> [UInt8] {
        close("]")
        return finish()
    }

    /// Gives the bytes away: nobody else holds them.
    public mutating func finish() -> [UInt8] {
        var finished: [UInt8] = []
        swap(&finished, &bytes)
        return finished
    }
}

/// What can be written as one JSON value.
public protocol JSONWritable {
    /// Appends exactly one value.
    func write(into json: inout JSONWriter)
}

// MARK: - Members of an object

extension JSONWriter {
    /// Appends a member; `nil` is written as `null`.
    @inlinable public mutating func member(_ name: StaticString, _ value: some JSONWritable) {
        key(name)
        value.write(into: &self)
    }

    /// The same for a name that is known only at run time.
    @inlinable public mutating func member(key name: String, _ value: some JSONWritable) {
        key(name)
        value.write(into: &self)
    }

    public mutating func null(_ name: StaticString) {
        key(name)
        null()
    }

    @inlinable public mutating func object<E: Error>(_ name: StaticString, _ body: (inout Self) throws(E) -> Void)
        throws(E)
    {
        key(name)
        try object(body)
    }

    @inlinable public mutating func array<E: Error>(_ name: StaticString, _ body: (inout Self) throws(E) -> Void)
        throws(E)
    {
        key(name)
        try array(body)
    }

    @inlinable public mutating func object<E: Error>(key name: String, _ body: (inout Self) throws(E) -> Void) throws(E)
    {
        key(name)
        try object(body)
    }

    @inlinable public mutating func array<E: Error>(key name: String, _ body: (inout Self) throws(E) -> Void) throws(E)
    {
        key(name)
        try array(body)
    }

    /// - Parameter json: One value, already JSON; it is not checked.
    public mutating func raw(_ name: StaticString, _ json: [UInt8]) {
        key(name)
        raw(json)
    }

    /// A name in the source needs no escape; it is not checked.
    @usableFromInline mutating func key(_ name: StaticString) {
        let needsComma = needsComma
        self.needsComma = false
        bytes.append(addingCapacity: name.utf8CodeUnitCount + 4) { output in
            if needsComma { output.append(UInt8(ascii: ",")) }
            output.append(UInt8(ascii: "\""))
            name.withUTF8Buffer { unsafe output.append(contentsOf: $0[...]) }
            output.append(UInt8(ascii: "\""))
            output.append(UInt8(ascii: ":"))
        }
    }

    @usableFromInline mutating func key(_ name: String) {
        var name = name
        name.withUTF8 { unsafe key(utf8: $0) }
    }

    @unsafe mutating func key(utf8 name: UnsafeBufferPointer<UInt8>) {
        unsafe appendQuoted(name, asKey: true)
    }
}

// MARK: - Values: the document itself, or elements of an array

extension JSONWriter {
    @inlinable public mutating func append(_ value: some JSONWritable) {
        value.write(into: &self)
    }

    public mutating func null() { raw("null") }

    @inlinable public mutating func object<E: Error>(_ body: (inout Self) throws(E) -> Void) throws(E) {
        open("{")
        try body(&self)
        close("}")
    }

    @inlinable public mutating func array<E: Error>(_ body: (inout Self) throws(E) -> Void) throws(E) {
        open("[")
        try body(&self)
        close("]")
    }

    /// - Parameter json: One value, already JSON; it is not checked.
    public mutating func raw(_ json: [UInt8]) {
        precondition(!json.isEmpty)
        beginValue()
        bytes.append(contentsOf: json)
    }

    /// Appends a string that `write` makes in place.
    ///
    /// - Parameters:
    ///   - capacity: The most bytes that it writes.
    ///   - write: Writes visible ASCII without quotes and backslashes; it is not checked.
    public mutating func append(capacity: Int, ascii write: (inout OutputSpan<UInt8>) -> Void) {
        beginValue()
        bytes.append(addingCapacity: capacity + 2) { output in
            output.append(UInt8(ascii: "\""))
            write(&output)
            output.append(UInt8(ascii: "\""))
        }
    }

    /// Appends a member whose value is such a string.
    public mutating func member(_ name: StaticString, capacity: Int, ascii write: (inout OutputSpan<UInt8>) -> Void) {
        key(name)
        append(capacity: capacity, ascii: write)
    }

    mutating func raw(_ json: StaticString) {
        beginValue()
        json.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }

    @usableFromInline mutating func open(_ bracket: Unicode.Scalar) {
        // Grown little by little, a document would be copied again and again.
        if bytes.capacity - bytes.count < 32 { bytes.reserveCapacity(max(2 * bytes.count, bytes.count + 256)) }
        beginValue()
        bytes.append(UInt8(ascii: bracket))
        needsComma = false
    }

    @usableFromInline mutating func close(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        needsComma = true
    }

    private mutating func beginValue() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }
}

// MARK: - Numbers and strings

extension JSONWriter {
    mutating func append(magnitude: UInt64, isNegative: Bool) {
        beginValue()
        bytes.append(addingCapacity: 21) { output in
            if isNegative { output.append(UInt8(ascii: "-")) }
            output.append(decimal: magnitude)
        }
    }

    /// JSON has no word for infinity or "not a number": they become `null`.
    mutating func append(number: Double) {
        guard number.isFinite else { return null() }
        beginValue()
        bytes.append(contentsOf: number.description.utf8)
    }

    /// - Parameter text: Well-formed UTF-8.
    @unsafe mutating func append(utf8 text: UnsafeBufferPointer<UInt8>) {
        unsafe appendQuoted(text, asKey: false)
    }

    /// Appends all that a string brings with it in one go: the comma before, the quotes, and a colon after a key.
    @unsafe private mutating func appendQuoted(_ text: UnsafeBufferPointer<UInt8>, asKey isKey: Bool) {
        let escapes = unsafe countEscapes(in: text)
        let needsComma = needsComma
        self.needsComma = !isKey
        bytes.append(addingCapacity: text.count + escapes * 5 + 4) { output in
            if needsComma { output.append(UInt8(ascii: ",")) }
            output.append(UInt8(ascii: "\""))
            var rest = unsafe text[...]
            if escapes > 0 {
                while let index = unsafe rest.firstIndex(where: { $0.escapes > 0 }) {
                    unsafe output.append(contentsOf: rest[..<index])
                    output.append(escaping: unsafe text[index])
                    unsafe rest = rest[(index + 1)...]
                }
            }
            unsafe output.append(contentsOf: rest)
            output.append(UInt8(ascii: "\""))
            if isKey { output.append(UInt8(ascii: ":")) }
        }
    }

    /// Most strings have none, which the first pass finds out many bytes at a time: it never branches, nor widens a byte.
    @unsafe private func countEscapes(in text: UnsafeBufferPointer<UInt8>) -> Int {
        let any = unsafe text.reduce(0) { $0 | $1.escapes }
        return any == 0 ? 0 : unsafe text.reduce(0) { $0 + Int($1.escapes) }
    }
}

extension OutputSpan<UInt8> {
    /// Appends decimal digits, at most 20.
    package mutating func append(decimal number: UInt64) {
        var length = 1
        var bound: UInt64 = 10
        while length < 20, number >= bound {
            length += 1
            bound &*= 10
        }
        precondition(length <= freeCapacity)
        unsafe withUnsafeMutableBufferPointer { output, count in
            var rest = number
            for index in (count..<count + length).reversed() {
                unsafe output[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            count += length
        }
    }

    @unsafe fileprivate mutating func append(contentsOf bytes: Slice<UnsafeBufferPointer<UInt8>>) {
        unsafe withUnsafeMutableBufferPointer { output, count in
            _ = unsafe output[count...].initialize(fromContentsOf: bytes)
            unsafe count += bytes.count
        }
    }

    /// RFC 8259, section 7: the short form where there is one, `\u00xx` for the other control characters.
    fileprivate mutating func append(escaping byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\n"): append(UInt8(ascii: "n"))
        case UInt8(ascii: "\r"): append(UInt8(ascii: "r"))
        case UInt8(ascii: "\t"): append(UInt8(ascii: "t"))
        case 0x08: append(UInt8(ascii: "b"))
        case 0x0C: append(UInt8(ascii: "f"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        default:
            for digit in ["u" as Unicode.Scalar, "0", "0"] { append(UInt8(ascii: digit)) }
            append(UInt8(ascii: byte < 0x10 ? "0" : "1"))
            append(byte.lowHexDigit)
        }
    }
}

extension UInt8 {
    /// 1 for a byte that JSON cannot have in a string as it is, else 0.
    fileprivate var escapes: UInt8 {
        (self < 0x20 ? 1 : 0) | (self == UInt8(ascii: "\"") ? 1 : 0) | (self == UInt8(ascii: "\\") ? 1 : 0)
    }

    fileprivate var lowHexDigit: UInt8 {
        let digit = self & 0xF
        return digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}
