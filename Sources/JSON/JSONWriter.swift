import CSpareMemory

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
/// Each message is written by one, so it writes through a pointer into memory of its own, which the next one on its thread
/// gets after it; the bytes that are given away at the end are as large as need be.
///
/// Public, as what is generic and used in other modules is specialized only then.
@safe public struct JSONWriter: ~Copyable {
    /// Room for ``capacity`` bytes, of which the first ``count`` are written; none before anything is.
    private var memory: UnsafeMutablePointer<UInt8>?
    private var capacity = 0
    private var count = 0
    private let expected: Int
    /// What the document is written behind, until it begins.
    private var head: [UInt8]
    /// Whether a value precedes in the same array or object.
    private var needsComma = false

    /// - Parameter capacity: How many bytes are expected; more is no error.
    public init(reserving capacity: Int = 512) {
        self.init(behind: [], reserving: capacity)
    }

    /// Writes the document behind bytes that are no part of it. Shared bytes cost nothing where none is written.
    public init(behind bytes: consuming [UInt8]) { self.init(behind: bytes, reserving: 512) }

    /// Writes the elements of an array behind bytes that end with its bracket; see ``finishArray()``. Likewise.
    public init(inArrayBehind bytes: consuming [UInt8]) { self.init(behind: bytes, reserving: 512) }

    private init(behind bytes: consuming [UInt8], reserving capacity: Int) {
        unsafe memory = nil
        expected = capacity
        head = bytes
    }

    deinit { if let memory = unsafe memory { unsafe spare_memory_give(memory, capacity) } }

    /// What was written so far, UTF-8, and before it what ``init(behind:)`` was given.
    public var bytes: [UInt8] { unsafe memory == nil ? head : Array(UnsafeBufferPointer(start: memory, count: count)) }

    /// Closes the array that ``init(inArrayBehind:)`` began in, and gives the bytes away.
    public mutating func finishArray() -> [UInt8] {
        close("]")
        return finish()
    }

    /// Gives the bytes away: nobody else holds them.
    public mutating func finish() -> [UInt8] {
        let finished = bytes
        count = 0
        head = []
        return finished
    }

    // MARK: - The memory

    /// Where the next bytes go. Whatever is written asks first for the most that it takes, and ``memory`` is nobody else's:
    /// a writer can't be copied.
    ///
    /// - Parameter room: How many bytes there may be at most.
    @unsafe @inline(__always) private mutating func end(withRoom room: Int) -> UnsafeMutablePointer<UInt8> {
        if capacity - count < room { grow(by: room) }
        return unsafe memory! + count
    }

    /// Bytes were written up to there.
    @unsafe @inline(__always) private mutating func advance(to end: UnsafeMutablePointer<UInt8>) {
        unsafe count = end - memory!
    }

    @inline(never) private mutating func grow(by room: Int) {
        if let memory = unsafe memory {
            capacity = max(2 * capacity, count + room)
            unsafe self.memory = spare_memory_grow(memory, capacity)
        } else {
            capacity = max(expected, head.count + room)
            unsafe memory = spare_memory_take(&capacity)
        }
        guard unsafe memory != nil else { fatalError("no memory for \(capacity) bytes of JSON") }
        if head.isEmpty { return }
        var start: [UInt8] = []
        swap(&start, &head)
        unsafe start.withUnsafeBufferPointer { unsafe append($0) }
    }

    private mutating func append(byte: Unicode.Scalar) {
        let end = unsafe end(withRoom: 1)
        unsafe end.pointee = UInt8(ascii: byte)
        count += 1
    }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        unsafe advance(to: end(withRoom: bytes.count).appending(bytes))
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

    /// Appends a member whose value stands in the source, and needs no escape; it is not checked.
    public mutating func member(_ name: StaticString, word: StaticString) {
        key(name)
        append(word: word)
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
    @usableFromInline mutating func key(_ name: StaticString) { write(name, isKey: true) }

    @usableFromInline mutating func key(_ name: String) {
        var name = name
        name.withUTF8 { unsafe key(utf8: $0) }
    }

    @unsafe mutating func key(utf8 name: UnsafeBufferPointer<UInt8>) {
        unsafe appendQuoted(name, isKey: true)
    }
}

// MARK: - Values: the document itself, or elements of an array

extension JSONWriter {
    @inlinable public mutating func append(_ value: some JSONWritable) {
        value.write(into: &self)
    }

    /// Appends a string that stands in the source, and needs no escape; it is not checked.
    public mutating func append(word: StaticString) { write(word, isKey: false) }

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
        unsafe json.withUnsafeBufferPointer { unsafe append($0) }
    }

    /// Appends a string that `write` makes in place.
    ///
    /// - Parameters:
    ///   - capacity: The most bytes that it writes.
    ///   - write: Writes visible ASCII without quotes and backslashes; it is not checked.
    public mutating func append(capacity: Int, ascii write: (inout OutputSpan<UInt8>) -> Void) {
        var end = unsafe end(withRoom: capacity + 3)
        if needsComma { unsafe end.append(",") }
        needsComma = true
        unsafe end.append("\"")
        let room = unsafe UnsafeMutableBufferPointer(start: end, count: capacity)
        var output = unsafe OutputSpan(buffer: room, initializedCount: 0)
        write(&output)
        unsafe end += output.finalize(for: room)
        unsafe end.append("\"")
        unsafe advance(to: end)
    }

    /// Appends a member whose value is such a string.
    public mutating func member(_ name: StaticString, capacity: Int, ascii write: (inout OutputSpan<UInt8>) -> Void) {
        key(name)
        append(capacity: capacity, ascii: write)
    }

    mutating func raw(_ json: StaticString) {
        beginValue()
        json.withUTF8Buffer { unsafe append($0) }
    }

    @usableFromInline mutating func open(_ bracket: Unicode.Scalar) {
        beginValue()
        append(byte: bracket)
        needsComma = false
    }

    @usableFromInline mutating func close(_ bracket: Unicode.Scalar) {
        append(byte: bracket)
        needsComma = true
    }

    private mutating func beginValue() {
        if needsComma { append(byte: ",") }
        needsComma = true
    }
}

// MARK: - Numbers and strings

extension JSONWriter {
    mutating func append(magnitude: UInt64, isNegative: Bool) {
        var end = unsafe end(withRoom: 22)
        if needsComma { unsafe end.append(",") }
        needsComma = true
        if isNegative { unsafe end.append("-") }
        unsafe advance(to: end.appending(decimal: magnitude))
    }

    /// JSON has no word for infinity or "not a number": they become `null`.
    mutating func append(number: Double) {
        guard number.isFinite else { return null() }
        beginValue()
        var digits = number.description
        digits.withUTF8 { unsafe append($0) }
    }

    /// - Parameter text: Well-formed UTF-8.
    @unsafe mutating func append(utf8 text: UnsafeBufferPointer<UInt8>) { unsafe appendQuoted(text, isKey: false) }

    @inline(__always) private mutating func write(_ word: StaticString, isKey: Bool) {
        unsafe writeQuoted(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount), isKey: isKey)
    }

    @unsafe private mutating func appendQuoted(_ text: UnsafeBufferPointer<UInt8>, isKey: Bool) {
        if unsafe text.needsEscapes {
            unsafe writeEscaped(text, isKey: isKey)
        } else {
            unsafe writeQuoted(text, isKey: isKey)
        }
    }

    /// Writes all that a string brings with it in one go: the comma before, the quotes, and a colon after a key.
    ///
    /// - Parameter text: Without anything that must be escaped.
    @unsafe @inline(__always) private mutating func writeQuoted(_ text: UnsafeBufferPointer<UInt8>, isKey: Bool) {
        var end = unsafe end(withRoom: text.count + 4)
        if needsComma { unsafe end.append(",") }
        needsComma = !isKey
        unsafe end.append("\"")
        unsafe end = end.appending(text)
        unsafe end.append("\"")
        if isKey { unsafe end.append(":") }
        unsafe advance(to: end)
    }

    @unsafe @inline(never) private mutating func writeEscaped(_ text: UnsafeBufferPointer<UInt8>, isKey: Bool) {
        let escapes = unsafe text.reduce(0) { $0 + Int($1.escapes) }
        // The longest form of a byte has six.
        var end = unsafe end(withRoom: text.count + 5 * escapes + 4)
        if needsComma { unsafe end.append(",") }
        unsafe end.append("\"")
        unsafe text.forEach { unsafe end.append(escaping: $0) }
        unsafe end.append("\"")
        if isKey { unsafe end.append(":") }
        unsafe advance(to: end)
        needsComma = !isKey
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether a byte is one that JSON cannot have in a string as it is.
    fileprivate var needsEscapes: Bool {
        // Without a branch, and of a length that leaves no rest, so that the loop takes many at once.
        let blocks = count & ~31
        if blocks > 0, unsafe extracting(..<blocks).reduce(0, { $0 | $1.escapes }) != 0 { return true }
        let rest = extracting(blocks...)
        if rest.count < 8 { return unsafe rest.reduce(0) { $0 | $1.escapes } != 0 }
        var place = 0
        var found: UInt64 = 0
        while place < rest.count {
            // The last eight may have been looked at in part.
            let word = unsafe UnsafeRawPointer(rest.baseAddress!)
                .loadUnaligned(fromByteOffset: Swift.min(place, rest.count - 8), as: UInt64.self)
            found |= word.escapes
            place += 8
        }
        return found != 0
    }
}

extension UInt64 {
    /// Not 0 where one of eight bytes is one that JSON cannot have in a string as it is: less than 0x20, a quote or a
    /// backslash (Anderson, Bit Twiddling Hacks, "Determine if a word has a byte less than n").
    fileprivate var escapes: UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let (quotes, backslashes) = (self ^ ones &* 0x22, self ^ ones &* 0x5C)
        let found = (self &- ones &* 0x20) & ~self | (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes
        return found & (ones &* 0x80)
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

// MARK: - What is written where there is room for it

extension UnsafeMutablePointer<UInt8> {
    @unsafe @inline(__always) fileprivate mutating func append(_ byte: Unicode.Scalar) {
        unsafe pointee = UInt8(ascii: byte)
        unsafe self += 1
    }

    /// - Returns: The place behind.
    @unsafe @inline(__always) fileprivate func appending(_ bytes: UnsafeBufferPointer<UInt8>) -> Self {
        guard let start = bytes.baseAddress else { return unsafe self }
        unsafe initialize(from: start, count: bytes.count)
        return unsafe self + bytes.count
    }

    /// Writes decimal digits, at most 20.
    ///
    /// - Returns: The place behind.
    @unsafe fileprivate func appending(decimal number: UInt64) -> Self {
        var length = 1
        var bound: UInt64 = 10
        while length < 20, number >= bound {
            length += 1
            bound &*= 10
        }
        let end = unsafe self + length
        var place = unsafe end
        var rest = number
        while rest >= 10 {
            let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
            unsafe place -= 2
            unsafe place[0] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: pair / 10)
            unsafe place[1] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: pair % 10)
            rest = quotient
        }
        if unsafe place > self { unsafe pointee = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest) }
        return unsafe end
    }

    /// RFC 8259, section 7: the short form where there is one, `\u00xx` for the other control characters.
    @unsafe fileprivate mutating func append(escaping byte: UInt8) {
        if byte.escapes == 0 {
            unsafe pointee = byte
            unsafe self += 1
            return
        }
        unsafe append("\\")
        switch byte {
        case UInt8(ascii: "\n"): unsafe append("n")
        case UInt8(ascii: "\r"): unsafe append("r")
        case UInt8(ascii: "\t"): unsafe append("t")
        case 0x08: unsafe append("b")
        case 0x0C: unsafe append("f")
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): unsafe append(Unicode.Scalar(byte))
        default:
            for digit in ["u" as Unicode.Scalar, "0", "0"] { unsafe append(digit) }
            unsafe append(byte < 0x10 ? "0" : "1")
            unsafe append(Unicode.Scalar(byte.lowHexDigit))
        }
    }
}

extension OutputSpan<UInt8> {
    /// Appends decimal digits, at most 20.
    package mutating func append(decimal number: UInt64) {
        precondition(freeCapacity >= 20)
        unsafe withUnsafeMutableBufferPointer { output, count in
            let start = unsafe output.baseAddress! + count
            unsafe count += start.appending(decimal: number) - start
        }
    }
}
