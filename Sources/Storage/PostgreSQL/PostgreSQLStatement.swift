internal import CPostgreSQL

/// A statement as each connection compiles it when first it is run there.
struct PostgreSQLQuery {
    /// Tells the statements of a connection apart.
    let name: String
    /// With parameters as `$1`.
    let sql: String

    /// - Parameter sql: With parameters as `?1`; no literal of it holds a question mark before a digit.
    init(_ name: String, _ sql: String) {
        self.name = name
        var bytes = Array(sql.utf8)
        for index in bytes.indices.dropLast() where bytes[index] == UInt8(ascii: "?") {
            if (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(bytes[index + 1]) { bytes[index] = UInt8(ascii: "$") }
        }
        self.sql = String(decoding: bytes, as: UTF8.self)
    }
}

/// A statement of PostgreSQL's.
final class PostgreSQLStatement {
    private let query: PostgreSQLQuery
    private let connection: PostgreSQLConnection

    init(_ sql: String, on connection: PostgreSQLConnection) {
        self.connection = connection
        query = PostgreSQLQuery(connection.takeName(), sql)
    }

    func run(_ values: [SQLValue]) throws(StoreError) { try connection.run(query, values) }

    func change(_ values: [SQLValue]) throws(StoreError) -> Int { try connection.ask(query, values).changes }

    func first<Result>(
        _ values: [SQLValue], _ read: (Row) throws(StoreError) -> Result
    ) throws(StoreError) -> Result? {
        let result = try connection.ask(query, values)
        return result.count > 0 ? try read(Row(PostgreSQLRow(result, 0))) : nil
    }

    func forEach(_ values: [SQLValue], _ read: (Row) throws(StoreError) -> Bool) throws(StoreError) {
        let result = try connection.ask(query, values)
        for index in 0..<result.count where try !read(Row(PostgreSQLRow(result, index))) { return }
    }

    func stream(_ values: [SQLValue], _ read: (Row) throws(StoreError) -> Bool) throws(StoreError) {
        try connection.stream(query, values, read)
    }
}

/// What a statement's parameters are on the wire: text, but for bytes.
struct PostgreSQLParameters {
    private var bytes: [UInt8] = []
    private var starts: [Int] = []
    private(set) var lengths: [Int32] = []
    private(set) var formats: [Int32] = []

    var count: Int { lengths.count }

    mutating func fill(_ values: [SQLValue]) {
        bytes.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        formats.removeAll(keepingCapacity: true)
        for value in values {
            let start = bytes.count
            var isNull = false
            var format: Int32 = 0
            switch value {
            case .integer(let integer): append(integer)
            case .text(var text): text.withUTF8 { unsafe PostgreSQLText.write($0, to: &bytes) }
            case .blob(let blob):
                bytes += blob
                format = 1
            case .null: isNull = true
            }
            starts.append(isNull ? -1 : start)
            lengths.append(Int32(clamping: bytes.count - start))
            formats.append(format)
            bytes.append(0)
        }
    }

    private mutating func append(_ integer: Int64) {
        if integer < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = integer.magnitude
        let start = bytes.count
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    /// Hands out where the values are.
    @unsafe func withPointers<Result>(_ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result) -> Result {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { buffer in
                unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: max(1, starts.count)) {
                    for (index, start) in starts.enumerated() {
                        unsafe $0.initializeElement(at: index, to: start < 0 ? nil : buffer.baseAddress! + start)
                    }
                    return unsafe body(UnsafePointer($0.baseAddress))
                }
            }
        }
    }
}

/// Text as PostgreSQL can hold it, which knows no null character: that is U+10FFFF and "0", and U+10FFFF, which is no
/// character either, is itself and "1".
enum PostgreSQLText {
    private static let mark: [UInt8] = [0xF4, 0x8F, 0xBF, 0xBF]

    @unsafe static func write(_ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
        guard let start = text.baseAddress else { return }
        let hasNull = unsafe switchboard_contains(start, 0, text.count) != 0
        let mayHaveMark = unsafe switchboard_contains(start, 0xF4, text.count) != 0
        if !hasNull, !mayHaveMark { return unsafe bytes.append(contentsOf: text) }
        var index = 0
        while index < text.count {
            if unsafe text[index] == 0 {
                bytes += mark + [UInt8(ascii: "0")]
                index += 1
            } else if unsafe text[index...].starts(with: mark) {
                bytes += mark + [UInt8(ascii: "1")]
                index += mark.count
            } else {
                unsafe bytes.append(text[index])
                index += 1
            }
        }
    }

    @unsafe static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        if unsafe bytes.isEmpty || switchboard_contains(bytes.baseAddress!, 0xF4, bytes.count) == 0 {
            return unsafe String(decoding: bytes, as: UTF8.self)
        }
        var text: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if unsafe bytes[index...].starts(with: mark), index + mark.count < bytes.count {
                if unsafe bytes[index + mark.count] == UInt8(ascii: "0") { text.append(0) } else { text += mark }
                index += mark.count + 1
            } else {
                unsafe text.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// What a statement has found or done.
@safe final class PostgreSQLResult {
    private let handle: OpaquePointer
    let count: Int32

    /// - Parameter handle: From `PQgetResult`, with no other owner.
    @unsafe init(adopting handle: OpaquePointer) {
        unsafe self.handle = handle
        unsafe count = PQntuples(handle)
    }

    deinit { unsafe PQclear(handle) }

    var status: ExecStatusType { unsafe PQresultStatus(handle) }

    /// What was done, such as `COMMIT`.
    var command: String { unsafe String(cString: PQcmdStatus(handle)) }

    /// How many rows were changed, or found.
    var changes: Int {
        var count = 0
        guard var digit = unsafe PQcmdTuples(handle) else { return 0 }
        while unsafe digit.pointee != 0 {
            unsafe count = count * 10 + Int(digit.pointee) - Int(UInt8(ascii: "0"))
            unsafe digit += 1
        }
        return count
    }

    /// Whether it is of an `INSERT`, `UPDATE` or `DELETE`.
    var isOfChange: Bool {
        guard let first = unsafe PQcmdStatus(handle)?.pointee else { return false }
        return [UInt8(ascii: "I"), UInt8(ascii: "U"), UInt8(ascii: "D")].contains(UInt8(bitPattern: first))
    }

    var error: StoreError {
        let (sqlState, primary) = unsafe (
            PQresultErrorField(handle, Int32(UInt8(ascii: "C"))), PQresultErrorField(handle, Int32(UInt8(ascii: "M")))
        )
        // Without its detail, which may repeat values.
        let message = unsafe primary.map { unsafe String(cString: $0) } ?? "the server answered with an error"
        guard let sqlState = unsafe sqlState else {
            // libpq's own: the connection broke.
            return unsafe StoreError(
                .connection, PostgreSQLConnection.oneLine(String(cString: PQresultErrorMessage(handle))))
        }
        return StoreError(sqlState: unsafe String(cString: sqlState), message: PostgreSQLConnection.oneLine(message))
    }

    @unsafe fileprivate func bytes<Result>(
        _ row: Int32, _ column: Int32, _ body: (UnsafeBufferPointer<UInt8>) -> Result
    ) -> Result {
        let length = unsafe Int(PQgetlength(handle, row, column))
        let start = unsafe PQgetvalue(handle, row, column)
        return unsafe start!.withMemoryRebound(to: UInt8.self, capacity: length) {
            unsafe body(UnsafeBufferPointer(start: $0, count: length))
        }
    }

    fileprivate func isNull(_ row: Int32, _ column: Int32) -> Bool { unsafe PQgetisnull(handle, row, column) == 1 }
}

/// A row of what a statement has found.
struct PostgreSQLRow {
    private let result: PostgreSQLResult
    private let index: Int32

    init(_ result: PostgreSQLResult, _ index: Int32) {
        self.result = result
        self.index = index
    }

    func isNull(_ column: Int32) -> Bool { result.isNull(index, column) }

    /// A number, or 1 and 0 for what is true and false; 0 for anything else.
    func integer(_ column: Int32) -> Int64 {
        unsafe result.bytes(index, column) { text in
            if unsafe text.first == UInt8(ascii: "t") { return 1 }
            var value: Int64 = 0
            let isNegative = unsafe text.first == UInt8(ascii: "-")
            for place in (isNegative ? 1 : 0)..<text.count {
                let byte = unsafe text[place]
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return 0 }
                // The smallest number has no positive one.
                value = value &* 10 &- Int64(byte - UInt8(ascii: "0"))
            }
            return isNegative ? value : 0 &- value
        }
    }

    func text(_ column: Int32) -> String { unsafe result.bytes(index, column) { unsafe PostgreSQLText.read($0) } }

    /// Bytes, which come in hexadecimal digits behind `\x`.
    func blob(_ column: Int32) -> [UInt8] {
        func digit(_ byte: UInt8) -> UInt8 {
            byte <= UInt8(ascii: "9") ? byte - UInt8(ascii: "0") : byte - UInt8(ascii: "a") + 10
        }
        return unsafe result.bytes(index, column) { text in
            var bytes: [UInt8] = []
            var index = 2
            while index + 1 < text.count {
                unsafe bytes.append(digit(text[index]) << 4 | digit(text[index + 1]))
                index += 2
            }
            return bytes
        }
    }
}
