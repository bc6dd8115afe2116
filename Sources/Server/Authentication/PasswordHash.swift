internal import CArgon2

/// A password as it is stored: argon2id with 19 MiB and two passes, in argon2's own encoding.
package enum PasswordHash {
    private static let passes: UInt32 = 2
    private static let kibibytes: UInt32 = 19_456
    private static let saltLength = 16
    private static let hashLength = 32

    /// Takes some tens of milliseconds of one core.
    package static func make(of password: String) -> String {
        let salt = RandomBytes.make(saltLength)
        let capacity = argon2_encodedlen(passes, kibibytes, 1, UInt32(saltLength), UInt32(hashLength), Argon2_id)
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { encoded in
            var password = password
            let result = password.withUTF8 { password in
                unsafe argon2id_hash_encoded(
                    passes, kibibytes, 1, password.baseAddress, password.count, salt, salt.count, hashLength,
                    encoded.baseAddress, encoded.count)
            }
            precondition(result == ARGON2_OK.rawValue, "argon2 has no memory")
            return unsafe String(cString: encoded.baseAddress!)
        }
    }

    /// Compares in constant time, and takes as long for a password that does not exist.
    ///
    /// - Parameter encoded: As stored, or `nil` when there is none to compare with.
    package static func verify(_ password: String, against encoded: String?) -> Bool {
        var password = password
        let result = password.withUTF8 { bytes in
            unsafe argon2id_verify(encoded ?? decoy, bytes.baseAddress, bytes.count)
        }
        return encoded != nil && result == ARGON2_OK.rawValue
    }

    private static let decoy = make(of: "")
}
