internal import CZlib

enum CRC32 {
    static func of(_ text: String) -> UInt32 {
        let bytes = Array(text.utf8)
        return UInt32(truncatingIfNeeded: unsafe crc32(0, bytes, UInt32(bytes.count)))
    }
}
