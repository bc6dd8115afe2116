import CLibFuzzer
import JSON
import SocketIO

@main struct FuzzSocketIO {
    static func main() {
        unsafe fuzz(CommandLine.argc, CommandLine.unsafeArgv)
    }
}

/// The first byte says what the others are: a payload, the messages of a connection, a request, or what happens to a
/// session.
@c(LLVMFuzzerTestOneInput)
public func fuzzSocketIO(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let choice = input.first else { return 0 }
    switch choice {
    case UInt8(ascii: "p"): readPayload(Array(input[1...]))
    case UInt8(ascii: "m"): readMessages(Array(input[1...]))
    case UInt8(ascii: "r"): readRequest(Array(input[1...]))
    default: playSession(input[1...])
    }
    return 0
}

// MARK: - Payloads

/// The packets of a payload, written anew, must read back as the same.
private func readPayload(_ payload: [UInt8]) {
    guard let read = packets(in: payload) else { return }
    var written: [UInt8] = []
    for packet in read { Payload.append(packet, to: &written) }
    precondition(packets(in: written) == read, "what was written reads back as something else")
    precondition(written.count == read.reduce(read.count - 1) { $0 + Payload.length(of: $1) }, "a length is wrong")
}

/// `nil` if the payload was refused.
private func packets(in payload: [UInt8]) -> [OutgoingPacket]? {
    var packets: [OutgoingPacket] = []
    do throws(EngineError) {
        var decoder = try PayloadDecoder(payload.span, maximumLength: 4096)
        while let packet = try decoder.next(in: payload.span) {
            let data = packet.withData(in: payload.span) { [UInt8](copying: $0) }
            packets.append(packet.isText ? .text(([packet.kind.digit] + data)[...]) : .binary(data[...]))
        }
    } catch {
        return nil
    }
    return packets
}
