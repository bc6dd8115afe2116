import CLibFuzzer
import WebSocket

@main struct FuzzHandshake {
    static func main() {
        unsafe fuzz(CommandLine.argc, CommandLine.unsafeArgv)
    }
}

/// The first byte says what the others are: offers of extensions, or the opening handshake.
@c(LLVMFuzzerTestOneInput)
public func fuzzHandshake(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let choice = input.first else { return 0 }
    if choice == UInt8(ascii: "e") {
        readOffers(String(decoding: input[1...], as: UTF8.self))
    } else {
        readHandshake(input[1...])
    }
    return 0
}

/// What is granted is exactly what RFC 6455 allows (section 4.2.1), and gets one well-formed answer.
///
/// - Parameter input: A line each for the method, the version of HTTP, and the values of Upgrade, Connection,
///   Sec-WebSocket-Key and Sec-WebSocket-Version; those that are missing at the end are missing in the request.
private func readHandshake(_ input: ArraySlice<UInt8>) {
    let lines = input.split(separator: UInt8(ascii: "\n"), maxSplits: 5, omittingEmptySubsequences: false)
    let value = { (index: Int) in index < lines.count ? String(decoding: lines[index], as: UTF8.self) : nil }
    let mayBeGranted =
        lines.count == 6 && lines[0].elementsEqual("GET".utf8) && lines[1].elementsEqual("1.1".utf8)
        && names(lines[2], "websocket") && names(lines[3], "upgrade") && isKey(lines[4])
        && lines[5].elementsEqual("13".utf8)
    do throws(HandshakeError) {
        let handshake = try Handshake(
            method: value(0)!, isHTTP11: value(1) == "1.1", upgrade: value(2), connection: value(3), key: value(4),
            version: value(5))
        precondition(mayBeGranted, "a handshake is granted that is none")
        // A SHA-1 is 20 bytes: 27 digits and the padding.
        precondition(handshake.accept.count == 28 && handshake.accept.last == UInt8(ascii: "="))
        precondition(handshake.accept.dropLast().allSatisfy(isBase64), "the proof is no base64")
        // The example of the RFC.
        precondition(
            value(4) != "dGhlIHNhbXBsZSBub25jZQ==" || handshake.accept == Array("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".utf8))
        let response = handshake.response(extensions: "permessage-deflate")
        precondition(response.suffix(4).elementsEqual("\r\n\r\n".utf8))
        precondition(response.count { $0 == UInt8(ascii: "\n") } == 6, "the answer has another number of lines")
    } catch {
        precondition(!mayBeGranted, "a handshake is refused that is one")
        precondition((400..<500).contains(error.status) && !error.reason.isEmpty)
    }
}

private func isBase64(_ byte: UInt8) -> Bool {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8.contains(byte)
}

private func isKey(_ text: ArraySlice<UInt8>) -> Bool {
    // What is not UTF-8 is no base64 either, before and after it was made a string.
    text.count == 24 && text.suffix(2).elementsEqual("==".utf8) && text.prefix(22).allSatisfy(isBase64)
}

private func names(_ list: ArraySlice<UInt8>, _ member: String) -> Bool {
    list.split(separator: UInt8(ascii: ",")).contains { element in
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let word = element.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
        return word.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }.elementsEqual(member.utf8)
    }
}
