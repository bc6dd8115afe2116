import CSimdJSON

/// One value of the document that a parser read last.
///
/// Two words, and nothing to count when they are copied. It lives until its parser reads the next document, or is gone; a
/// use after that traps. The types do not bend: `"5"`, `5.0` and `true` are no integers.
@safe package struct JSONValue {
    // Proof: where there is a parser once, there is one for as long as the process lives; if it is another one than that of
    // this value, so is the generation.
    private let parser: UnsafeMutablePointer<sj_parser>
    private let position: sj_position
    private let generation: UInt32

    init(position: sj_position, reader parser: UnsafeMutablePointer<sj_parser>) {
        unsafe self.parser = parser
        self.position = position
        unsafe generation = parser.pointee.generation
    }

    private var reader: UnsafeMutablePointer<sj_parser> {
        precondition(unsafe generation == parser.pointee.generation, "a JSON value outlived its document")
        return unsafe parser
    }

    private var kind: sj_kind { unsafe sj_kind_of(reader, position) }
}

// MARK: - Scalars

extension JSONValue {
    package var isObject: Bool { kind == .object }
    package var isArray: Bool { kind == .array }
    package var isString: Bool { kind == .string }
    package var isNull: Bool { kind == .null }

    package var bool: Bool? {
        switch kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// A number written without a fraction or exponent that fits.
    package var int64: Int64? {
        kind == .int64 ? unsafe sj_int64(reader, position) : nil
    }

    /// Any number; an integer beyond 53 bits is rounded.
    package var double: Double? {
        switch kind {
        case .double: unsafe sj_double(reader, position)
        case .int64: Double(unsafe sj_int64(reader, position))
        case .uint64: Double(unsafe sj_uint64(reader, position))
        default: nil
        }
    }
}

// MARK: - Strings

extension JSONValue {
    /// The string, unescaped; it may hold NUL.
    package var string: String? {
        unsafe utf8.map { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// How many Unicode scalars the string has, counted in place.
    package var unicodeScalarCount: Int? {
        withUTF8 { bytes in
            var count = bytes.count
            var rest = bytes
            while !rest.isEmpty {
                // Few enough to be counted in a byte, and without a branch: the loop then takes many at once.
                let block = rest.extracting(first: 255)
                var continuations: UInt8 = 0
                for index in block.indices { continuations &+= block[index] >> 7 & ~(block[index] >> 6) & 1 }
                count -= Int(continuations)
                rest = rest.extracting(droppingFirst: block.count)
            }
            return count
        }
    }

    /// Whether this is exactly that string, compared in place, scalar by scalar.
    package func equals(_ other: StaticString) -> Bool {
        unsafe sj_equals(reader, position, other.utf8Start, other.utf8CodeUnitCount)
    }

    /// Lends the UTF-8 of a string, unescaped; `nil` if this is none. The parser must not be used meanwhile.
    package func withUTF8<Result>(_ body: (Span<UInt8>) -> Result) -> Result? {
        guard let bytes = unsafe utf8 else { return nil }
        unsafe parser.pointee.borrowers += 1
        defer { unsafe parser.pointee.borrowers -= 1 }
        return unsafe body(bytes.span)
    }

    private var utf8: UnsafeBufferPointer<UInt8>? {
        guard isString else { return nil }
        return unsafe UnsafeBufferPointer(sj_string(reader, position))
    }
}

// MARK: - Objects and arrays

extension JSONValue {
    /// The member of that name, the last if there are several; `nil` if there is none or this is no object.
    ///
    /// - Complexity: O(*n*) in the members of the object.
    package subscript(_ name: StaticString) -> JSONValue? {
        name.withUTF8Buffer { unsafe member(named: $0) }
    }

    /// The same for a name that is known only at run time.
    package subscript(key name: String) -> JSONValue? {
        var name = name
        return name.withUTF8 { unsafe member(named: $0) }
    }

    /// How many elements or members there are, repeated names included; 0 for anything else.
    ///
    /// - Complexity: O(*n*)
    package var count: Int {
        var count = 0
        if isObject {
            unsafe forEachRawMember { _, _ in count += 1 }
        } else {
            forEachElement { _ in count += 1 }
        }
        return count
    }

    /// One of the elements; `nil` if there are fewer, or this is no array.
    ///
    /// - Complexity: O(*n*) in the index.
    package func element(at index: Int) -> JSONValue? {
        guard isArray else { return nil }
        var cursor = unsafe sj_children(reader, position)
        var element: sj_position = 0
        for _ in 0...index {
            guard unsafe sj_next_element(reader, &cursor, &element) else { return nil }
        }
        return unsafe JSONValue(position: element, reader: parser)
    }

    /// Visits the members in order, a repeated name as often as it is there; nothing if this is no object.
    package func forEachMember<E: Error>(_ body: (String, JSONValue) throws(E) -> Void) throws(E) {
        try unsafe forEachRawMember { (name, value) throws(E) in
            try body(unsafe String(decoding: name, as: UTF8.self), value)
        }
    }

    /// Visits the elements in order; nothing if this is no array.
    package func forEachElement<E: Error>(_ body: (JSONValue) throws(E) -> Void) throws(E) {
        guard isArray else { return }
        var cursor = unsafe sj_children(reader, position)
        var element: sj_position = 0
        while unsafe sj_next_element(reader, &cursor, &element) {
            try unsafe body(JSONValue(position: element, reader: parser))
        }
    }

    /// - Parameter body: Must be done with the name when it returns, or when it parses anew.
    @unsafe private func forEachRawMember<E: Error>(
        _ body: (UnsafeBufferPointer<UInt8>, JSONValue) throws(E) -> Void
    ) throws(E) {
        guard isObject else { return }
        var cursor = unsafe sj_children(reader, position)
        var name = unsafe sj_text()
        var value: sj_position = 0
        while unsafe sj_next_member(reader, &cursor, &name, &value) {
            try unsafe body(UnsafeBufferPointer(name), JSONValue(position: value, reader: parser))
        }
    }

    private func member(named name: UnsafeBufferPointer<UInt8>) -> JSONValue? {
        // Only an empty name may come without an address.
        guard let start = name.baseAddress else { return nil }
        var found: sj_position = 0
        guard unsafe sj_find(reader, position, start, name.count, &found) else { return nil }
        return unsafe JSONValue(position: found, reader: parser)
    }
}

// MARK: - Writing

extension JSONValue: JSONWritable {
    /// Appends the value as compact JSON: members in their order, repeated names kept, numbers as they were understood
    /// (`1e2` becomes `100.0`).
    package func write(into json: inout JSONWriter) {
        switch kind {
        case .null: json.null()
        case .false: json.append(false)
        case .true: json.append(true)
        case .int64: unsafe json.append(sj_int64(reader, position))
        case .uint64: unsafe json.append(sj_uint64(reader, position))
        case .double: unsafe json.append(sj_double(reader, position))
        case .string: unsafe json.append(utf8: UnsafeBufferPointer(sj_string(reader, position)))
        case .array: json.array { json in forEachElement { $0.write(into: &json) } }
        case .object:
            json.object { json in
                unsafe forEachRawMember { name, value in
                    unsafe json.key(utf8: name)
                    value.write(into: &json)
                }
            }
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    @unsafe fileprivate init(_ text: sj_text) {
        unsafe self.init(start: text.bytes, count: text.length)
    }
}
