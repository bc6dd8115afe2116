import WebSocket

/// A frame as a client sends it, or as a broken one might.
func clientFrame(
    _ opcode: UInt8, _ payload: [UInt8] = [], final: Bool = true, reserved: UInt8 = 0, masked: Bool = true,
    key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
) -> [UInt8] {
    let mask: UInt8 = masked ? 0x80 : 0
    var frame = [(final ? 0x80 : 0) | reserved << 4 | opcode]
    switch payload.count {
    case ...125: frame += [mask | UInt8(payload.count)]
    case ...0xFFFF: frame += [mask | 126] + bigEndian(UInt16(payload.count))
    default: frame += [mask | 127] + bigEndian(UInt64(payload.count))
    }
    if masked { frame += key }
    return frame + payload.enumerated().map { masked ? $1 ^ key[$0 % 4] : $1 }
}

func clientFrame(_ opcode: UInt8, _ text: String, final: Bool = true) -> [UInt8] {
    clientFrame(opcode, Array(text.utf8), final: final)
}

func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    stride(from: value.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
}

/// What a decoder made of a client's bytes.
struct Outcome: Equatable {
    struct Event: Equatable {
        let incoming: Incoming
        let payload: [UInt8]

        static func text(_ text: String) -> Event { Event(incoming: .text, payload: Array(text.utf8)) }
        static func binary(_ bytes: [UInt8]) -> Event { Event(incoming: .binary, payload: bytes) }
        static func ping(_ text: String) -> Event { Event(incoming: .ping, payload: Array(text.utf8)) }
        static func pong(_ text: String) -> Event { Event(incoming: .pong, payload: Array(text.utf8)) }
        static func close(_ code: CloseCode, _ reason: String = "") -> Event {
            Event(incoming: .close(code), payload: Array(reason.utf8))
        }
    }

    var events: [Event] = []
    var error: WebSocketError?
}

extension MessageDecoder {
    /// Decodes the bytes in pieces of the given sizes, the last of which repeats; every call must consume everything.
    mutating func outcome(of stream: [UInt8], pieces: [Int] = [.max]) -> Outcome {
        var outcome = Outcome()
        var rest = stream[...]
        var turn = 0
        while !rest.isEmpty, outcome.error == nil {
            var piece = Array(rest.prefix(pieces[min(turn, pieces.count - 1)]))
            rest = rest.dropFirst(piece.count)
            turn += 1
            var bytes = piece.mutableSpan
            do throws(WebSocketError) {
                let consumed = try decode(&bytes) { incoming, payload in
                    outcome.events.append(.init(incoming: incoming, payload: payload.indices.map { payload[$0] }))
                    return .proceed
                }
                precondition(consumed == bytes.count)
            } catch {
                outcome.error = error
            }
        }
        return outcome
    }
}

func outcome(of stream: [UInt8], pieces: [Int] = [.max], limit: Int = 1 << 20) -> Outcome {
    var decoder = MessageDecoder(maximumMessageLength: limit)
    return decoder.outcome(of: stream, pieces: pieces)
}

// Arrays instead of spans, which can't leave an expression and so not enter `#expect`.

extension ClosePayload {
    init(parsing bytes: [UInt8]) throws(WebSocketError) { try self.init(parsing: bytes.span) }
}

extension UTF8Validator {
    mutating func firstInvalidIndex(in bytes: some Sequence<UInt8>) -> Int? {
        firstInvalidIndex(in: Array(bytes).span)
    }
}
