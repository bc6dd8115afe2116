/// What Redis answers (RESP version 2).
package enum RedisReply: Sendable, Equatable {
    case string([UInt8])
    /// Such as `OK`.
    case status(String)
    case integer(Int64)
    /// There is none: nil.
    case null
    case array([RedisReply])
    case error(RedisError)

    package var bytes: [UInt8]? { if case .string(let bytes) = self { bytes } else { nil } }
    package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    package var array: [RedisReply]? { if case .array(let values) = self { values } else { nil } }
    package var error: RedisError? { if case .error(let error) = self { error } else { nil } }
    package var isOK: Bool { self == .status("OK") }
}

/// A command that Redis refused, in its words: a code in capitals and a sentence.
package struct RedisError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    /// Such as `NOPERM` or `WRONGPASS`.
    package var code: Substring { description.prefix { $0 != " " } }
}

/// Why a command has no answer.
package enum RedisFailure: Error, Sendable, Equatable {
    /// There is no connection: the command was not carried out.
    case notConnected
    /// As many commands or bytes wait as may: the command was not carried out.
    case tooMany
    /// The connection ended before the answer came: nobody knows whether it was carried out.
    case lost
    /// The client was closed.
    case closed
}

package typealias RedisResult = Result<RedisReply, RedisFailure>

extension RedisResult {
    /// The answer, unless there is none or it is an error.
    package var value: RedisReply? {
        guard case .success(let reply) = self, reply.error == nil else { return nil }
        return reply
    }
}
