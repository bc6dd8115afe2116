import CLibFuzzer
import WebSocket

@main struct FuzzWebSocket {
    static func main() {
        unsafe fuzz(CommandLine.argc, CommandLine.unsafeArgv)
    }
}

/// Decodes what a client might send, whole, in pieces, and with a pause at every event: all must come to the same.
///
/// The first byte says how: its lowest bit whether the others are a client's bytes as they are, or the payloads of
/// well-formed frames; its upper bits how the stream is cut.
@c(LLVMFuzzerTestOneInput)
public func fuzzWebSocket(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let choice = input.first else { return 0 }
    let stream = choice & 1 == 0 ? Array(input[1...]) : maskedFrames(of: input[1...])
    let whole = outcome(of: stream, pausing: false) { .max }
    precondition(whole.events.allSatisfy(\.isSound), "An event breaks a promise")
    inflate(whole.events)
    precondition(whole == outcome(of: stream, pausing: true) { .max }, "A pause changes the outcome")
    precondition(whole == outcome(of: stream, pausing: false) { 1 }, "Single bytes change the outcome")
    var seed = UInt32(choice >> 1)
    let pieces = outcome(of: stream, pausing: choice & 2 != 0) {
        seed = seed &* 1_664_525 &+ 1_013_904_223
        return 1 + Int(seed >> 24) % (2 + Int(choice >> 2))
    }
    precondition(whole == pieces, "Pieces change the outcome")
    return 0
}

private let limit = 600

/// Inflates what was compressed, with a context and without: never beyond the limit, and the same whenever it is tried.
private func inflate(_ events: [Outcome.Event]) {
    for keepsContext in [false, true] {
        let (inflater, again) = (Inflater(keepsContext: keepsContext), Inflater(keepsContext: keepsContext))
        for event in events {
            guard case .compressed = event.incoming else { continue }
            let message = try? inflater.inflate(event.payload.span, limit: limit)
            precondition(message?.count ?? 0 <= limit, "More was made of a message than allowed")
            precondition(
                message == (try? again.inflate(event.payload.span, limit: limit)), "Inflating is not repeatable")
            guard message != nil else { break }
        }
    }
}

private struct Outcome: Equatable {
    struct Event: Equatable {
        let incoming: Incoming
        let payload: [UInt8]

        var isSound: Bool {
            switch incoming {
            case .text: payload.count <= limit && String(validating: payload, as: UTF8.self) != nil
            case .binary, .compressed: payload.count <= limit
            case .ping, .pong: payload.count <= 125
            case .close(let code):
                payload.count <= 123 && String(validating: payload, as: UTF8.self) != nil
                    && (code.mayBeSent || code == .noneReceived && payload.isEmpty)
            }
        }
    }

    var events: [Event] = []
    var error: WebSocketError?
}

private func outcome(of stream: [UInt8], pausing: Bool, nextPiece: () -> Int) -> Outcome {
    var decoder = MessageDecoder(maximumMessageLength: limit, allowsCompression: true)
    var outcome = Outcome()
    var rest = stream[...]
    while !rest.isEmpty, outcome.error == nil {
        var piece = Array(rest.prefix(nextPiece()))
        var bytes = piece.mutableSpan
        do throws(WebSocketError) {
            let before = outcome.events.count
            let consumed = try decoder.decode(&bytes) { incoming, payload in
                outcome.events.append(.init(incoming: incoming, payload: payload.indices.map { payload[$0] }))
                return pausing ? .pause : .proceed
            }
            let events = outcome.events.count - before
            precondition(consumed == bytes.count || pausing && events == 1, "Bytes were left without a pause")
            precondition(!pausing || events <= 1, "A pause was ignored")
            rest = rest.dropFirst(consumed)
        } catch {
            outcome.error = error
        }
    }
    return outcome
}

/// Frames that keep every rule of their own, though not of their order. Each takes from the input a byte for its opcode
/// and end, one for its length, and its payload.
private func maskedFrames(of input: ArraySlice<UInt8>) -> [UInt8] {
    let opcodes: [Opcode] = [.text, .continuation, .binary, .continuation, .ping, .text, .pong, .close]
    var stream: [UInt8] = []
    var rest = input
    while let kind = rest.popFirst(), let size = rest.popFirst() {
        let opcode = opcodes[Int(kind & 7)]
        let payload = rest.prefix(Int(opcode.isControl ? min(size, 125) : size))
        rest = rest.dropFirst(payload.count)
        var header = FrameEncoder.header(opcode, payloadLength: payload.count)
        if kind & 8 != 0, !opcode.isControl { header[0] &= 0x7F }
        if kind & 16 != 0, opcode == .text || opcode == .binary { header[0] |= 0x40 }
        header[1] |= 0x80
        let key = [kind, size, ~kind, 0x5A]
        stream += header + key
        stream += zip(0..., payload).map { $1 ^ key[$0 % 4] }
    }
    return stream
}
