internal import COpenSSL
import Foundation

/// The last line of a backup: the digest of all that is before it. SQLite doesn't look behind a database's last page,
/// and a database alone would not show that a letter of a message has changed.
package enum BackupSeal {
    private static let mark = "switchboard backup, SHA-256 "
    private static let length = mark.utf8.count + 65

    /// The line for a file as it is.
    package static func make(forFileAt path: String) throws -> [UInt8] {
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? file.close() }
        return line(try digest(of: file, count: file.seekToEnd()))
    }

    package enum State: Sendable {
        case intact
        /// The file was changed, or cut and then written on.
        case broken
        /// The file is no backup, or its end is missing.
        case missing
    }

    /// Looks at a file, sealed or not.
    package static func check(_ path: String) throws -> State {
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? file.close() }
        let end = try file.seekToEnd()
        guard end >= UInt64(length) else { return .missing }
        try file.seek(toOffset: end - UInt64(length))
        let found = Array(try file.readToEnd() ?? Data())
        guard found.starts(with: mark.utf8) else { return .missing }
        return found == line(try digest(of: file, count: end - UInt64(length))) ? .intact : .broken
    }

    private static func line(_ digest: [UInt8]) -> [UInt8] {
        let digits = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return Array((mark + digits.joined() + "\n").utf8)
    }

    /// SHA-256 of the first bytes of a file, which is read piece by piece.
    private static func digest(of file: FileHandle, count: UInt64) throws -> [UInt8] {
        let context = unsafe EVP_MD_CTX_new()
        defer { unsafe EVP_MD_CTX_free(context) }
        precondition(unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1, "SHA-256 failed")
        try file.seek(toOffset: 0)
        var left = count
        while left > 0, let piece = try file.read(upToCount: Int(min(left, 1 << 20))), !piece.isEmpty {
            let isTaken = unsafe piece.withUnsafeBytes { unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
            precondition(isTaken == 1, "SHA-256 failed")
            left -= UInt64(piece.count)
        }
        var digest = [UInt8](repeating: 0, count: 32)
        let isDone = unsafe digest.withUnsafeMutableBufferPointer {
            unsafe EVP_DigestFinal_ex(context, $0.baseAddress, nil)
        }
        precondition(isDone == 1, "SHA-256 failed")
        return digest
    }
}
