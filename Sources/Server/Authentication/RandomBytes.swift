internal import COpenSSL
package import Storage

/// Bytes that nobody can guess.
enum RandomBytes {
    static func make(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = unsafe bytes.withUnsafeMutableBytes { unsafe RAND_bytes($0.baseAddress, Int32($0.count)) }
        precondition(result == 1, "the system has no randomness")
        return bytes
    }
}

extension Store {
    /// What the server signs its own JWTs with, made at the first call.
    package func tokenSecret() throws(StoreError) -> [UInt8] {
        let fresh = RandomBytes.make(32)
        return try transaction { () throws(StoreError) in try secret("jwt", orFresh: fresh) }
    }
}
