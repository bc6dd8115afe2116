internal import COpenSSL

/// What OpenSSL computes of bytes.
enum Digest {
    static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        let result = unsafe EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil)
        precondition(result == 1, "OpenSSL has no SHA-256")
        return digest
    }

    static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// HMAC with SHA-256 (RFC 2104).
    static func hmac(_ bytes: some Sequence<UInt8>, key: [UInt8]) -> [UInt8] {
        let bytes = Array(bytes)
        var mac = [UInt8](repeating: 0, count: 32)
        let result = unsafe HMAC(EVP_sha256(), key, Int32(key.count), bytes, bytes.count, &mac, nil)
        precondition(unsafe result != nil, "OpenSSL has no HMAC with SHA-256")
        return mac
    }

    /// Compares in a time that does not tell where they differ.
    static func isSame(_ one: some Collection<UInt8>, _ other: some Collection<UInt8>) -> Bool {
        one.count == other.count && zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// Decrypts AES-128 in CBC mode, and takes the padding off (PKCS 7); `nil` where that is none.
    static func decrypt(_ bytes: [UInt8], key: [UInt8], vector: [UInt8]) -> [UInt8]? {
        precondition(key.count == 16 && vector.count == 16)
        guard let context = unsafe EVP_CIPHER_CTX_new() else { return nil }
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        guard unsafe EVP_DecryptInit_ex(context, EVP_aes_128_cbc(), nil, key, vector) == 1 else { return nil }
        var output = [UInt8](repeating: 0, count: bytes.count + 16)
        var count: Int32 = 0
        guard unsafe EVP_DecryptUpdate(context, &output, &count, bytes, Int32(bytes.count)) == 1 else { return nil }
        var rest: Int32 = 0
        let isWhole = unsafe output.withUnsafeMutableBufferPointer {
            unsafe EVP_DecryptFinal_ex(context, $0.baseAddress! + Int(count), &rest) == 1
        }
        return isWhole ? Array(output[..<Int(count + rest)]) : nil
    }
}
