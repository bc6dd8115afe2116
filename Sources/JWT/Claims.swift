import JSON

/// What a verified token says (RFC 7519, section 4).
package struct Claims: Sendable, Equatable {
    package enum Value: Sendable, Equatable {
        /// A number without a fraction or exponent that fits.
        case integer(Int64)
        case string(String)
        /// Anything else that is there.
        case other
    }

    /// `exp` in microseconds since 1970, rounded down; `nil` if the token does not expire.
    package let expiresAt: Int64?
    /// The first moment at which the token is no longer accepted: ``expiresAt`` and the verifier's leeway.
    package let validUntil: Int64?
    private let members: [String: Value]

    init(_ payload: JSONValue, expiresAt: Int64?, validUntil: Int64?) {
        self.expiresAt = expiresAt
        self.validUntil = validUntil
        var members: [String: Value] = [:]
        payload.forEachMember { name, value in
            if !value.isNull { members[name] = Value(value) }
        }
        self.members = members
    }

    /// `nil` if it is not there, or `null`.
    package subscript(_ name: String) -> Value? { members[name] }

    /// The first of these that is there. One of an unexpected type is not passed over: it is ``Value/other``.
    package func first(of names: [String]) -> Value? {
        for name in names {
            if let value = members[name] { return value }
        }
        return nil
    }
}

extension Claims.Value {
    fileprivate init(_ value: JSONValue) {
        if let integer = value.int64 {
            self = .integer(integer)
        } else if let string = value.string {
            self = .string(string)
        } else {
            self = .other
        }
    }
}
