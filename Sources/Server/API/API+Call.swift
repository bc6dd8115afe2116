import Chat
import HTTP
import JSON
import Storage

// What endpoints read of a request.

extension API.Call {
    typealias Problem = API.Problem

    /// The id in the path; one that is no number is of nothing that exists.
    func id(_ place: Int = 0, orThrow problem: Problem) throws -> Int64 {
        guard let id = Int64(digits: parameters[place]) else { throw problem }
        return id
    }

    // MARK: - The query

    /// A text in the query.
    func text(_ name: String) throws -> String? {
        guard request.hasQueryValue(name) else { return nil }
        guard let text = request.queryValue(name) else {
            throw Problem(.badRequest, "\(name) is no text")
        }
        return text
    }

    /// A number in the query.
    func number(_ name: String) throws -> Int64? {
        guard let text = try text(name) else { return nil }
        guard let number = Int64(digits: text) else { throw Problem(.badRequest, "\(name) must be a number") }
        return number
    }

    /// A college in the query.
    func college() throws -> CollegeID? { try CollegeID.given(try number("college_id")) }

    /// How many items a page may have.
    func limit() throws -> Int {
        let limit = try number("limit") ?? 50
        guard (1...200).contains(limit) else { throw Problem(.badRequest, "limit must be 1 to 200") }
        return Int(limit)
    }

    /// One page of a list: of what was found, one more than asked for tells that there are more.
    struct Page<Item> {
        let items: ArraySlice<Item>
        let hasMore: Bool

        init(_ found: [Item], limit: Int) {
            items = found.prefix(limit)
            hasMore = found.count > limit
        }

        /// Where the next page goes on, if there is one.
        var end: Item? { hasMore ? items.last : nil }
    }

    // MARK: - The body

    /// The body as a JSON object.
    func withBody<Result>(_ read: (JSONValue) throws -> Result) throws -> Result {
        // A form, plain text, or something without a type is what a foreign page could send unasked; JSON is not.
        guard request.contentType == "application/json" else {
            throw Problem(.unsupportedMediaType, "The body must be application/json")
        }
        return try JSONParser.reading(request.body.span, maximumLength: max(1, request.body.count)) { body in
            guard let body, body.isObject else { throw Problem(.badRequest, "Invalid JSON format") }
            return try read(body)
        }
    }

    /// What the caller named this request: its `Idempotency-Key`.
    func idempotencyKey() throws -> ClientID? {
        guard let text = request.header("idempotency-key") else { return nil }
        guard let key = ClientID(text), text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw Problem(.badRequest, "Idempotency-Key must have 1 to 64 printable ASCII characters")
        }
        return key
    }

    /// The same, apart from what other callers and other endpoints name theirs.
    func requestKey(of caller: API.Caller?) throws -> RequestKey? {
        try idempotencyKey().map { RequestKey(scope: "\(endpoint.path) \(caller?.scope ?? "anybody")", name: $0) }
    }

    // MARK: - Where it came from

    /// Whether somebody on this machine meant this machine: not through a proxy, and not from a page whose name was made
    /// to lead here.
    var isFromThisMachine: Bool {
        isLocal || !isProxied && !request.wentThroughProxy && Origins.isThisMachine(request.host ?? "")
    }

    // MARK: - Credentials

    /// The token or key that a caller brought: `Authorization: Bearer …` or `Token …`.
    var credential: String? { request.header("authorization").flatMap { GivenToken.behindScheme($0) } }
}

extension JSONValue {
    /// A member that is neither absent nor null.
    private func present(_ name: StaticString) -> JSONValue? { self[name].flatMap { $0.isNull ? nil : $0 } }

    /// A string.
    func text(_ name: StaticString) throws -> String? {
        guard let value = present(name) else { return nil }
        guard let text = value.string else { throw API.Problem(.badRequest, "\(name) must be a string") }
        return text
    }

    /// A string that must be there.
    func requiredText(_ name: StaticString) throws -> String {
        guard let text = try text(name), !text.isEmpty else { throw API.Problem(.badRequest, "\(name) is required") }
        return text
    }

    func flag(_ name: StaticString) throws -> Bool {
        guard let value = present(name) else { return false }
        guard let flag = value.bool else { throw API.Problem(.badRequest, "\(name) must be true or false") }
        return flag
    }

    /// A string of 1 to `limit` characters.
    func text(_ name: StaticString, limit: Int) throws -> String? {
        guard let text = try text(name) else { return nil }
        guard (1...limit).contains(text.unicodeScalars.count) else {
            throw API.Problem(.badRequest, "\(name) must have 1 to \(limit) characters")
        }
        return text
    }

    /// A string, where an empty one stands for none.
    func word(_ name: StaticString) throws -> String? { try text(name).flatMap { $0.isEmpty ? nil : $0 } }

    /// An id, as a number or as a string of digits.
    func id(_ name: StaticString) throws -> Int64? {
        guard let value = present(name) else { return nil }
        guard let id = value.idNumber else { throw API.Problem(.badRequest, "\(name) must be a number") }
        return id
    }

    func requiredID(_ name: StaticString) throws -> Int64 {
        guard let id = try id(name) else { throw API.Problem(.badRequest, "\(name) is required") }
        return id
    }

    /// A college.
    func college() throws -> CollegeID? { try CollegeID.given(try id("college_id")) }

    /// A list of ids, `limit` at the most.
    func ids(_ name: StaticString, limit: Int) throws -> [UserID]? {
        guard let value = present(name) else { return nil }
        var ids: [UserID]? = value.isArray && (1...limit).contains(value.count) ? [] : nil
        value.forEachElement { element in
            if let id = element.idNumber { ids?.append(UserID(id)) } else { ids = nil }
        }
        guard let ids else { throw API.Problem(.badRequest, "\(name) must be a list of 1 to \(limit) ids") }
        return ids
    }

    private var idNumber: Int64? { int64 ?? string.flatMap { Int64(digits: $0) } }

    /// An object as it was sent, compact.
    func object(_ name: StaticString) throws -> [UInt8]? {
        guard let value = present(name) else { return nil }
        guard value.isObject else { throw API.Problem(.badRequest, "\(name) must be an object") }
        var json = JSONWriter()
        value.write(into: &json)
        return json.bytes
    }
}

extension CollegeID {
    fileprivate static func given(_ number: Int64?) throws -> CollegeID? {
        guard let number else { return nil }
        guard number >= 1 else { throw API.Problem(.badRequest, "college_id must be 1 or more") }
        return CollegeID(number)
    }
}

extension Int64 {
    /// Digits alone: no sign, no blanks.
    init?(digits text: String) {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text) else { return nil }
        self = number
    }
}
