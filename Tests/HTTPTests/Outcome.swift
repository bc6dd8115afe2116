import HTTP

/// What a decoder makes of some bytes: the requests, and how it ended.
struct Outcome: Equatable, Sendable {
    enum End: Equatable, Sendable {
        case needMoreHead
        case needMoreBody
        case refused(HTTPError)
    }

    var requests: [Request] = []
    var end = End.needMoreHead

    var status: Status? {
        if case .refused(let error) = end { error.status } else { nil }
    }

    /// - Parameter pieces: What each read brought.
    init(of pieces: [[UInt8]], limits: HTTPLimits = HTTPLimits()) {
        var decoder = RequestDecoder(limits: limits)
        for piece in pieces {
            decoder.append(piece.span)
            end = drain(&decoder)
        }
    }

    init(of text: String, limits: HTTPLimits = HTTPLimits()) {
        self.init(of: [Array(text.utf8)], limits: limits)
    }

    init(byteByByte bytes: [UInt8], limits: HTTPLimits = HTTPLimits()) {
        self.init(of: bytes.map { [$0] }, limits: limits)
    }

    private mutating func drain(_ decoder: inout RequestDecoder) -> End {
        while true {
            do {
                switch try decoder.next() {
                case .needMoreHead: return .needMoreHead
                case .needMoreBody: return .needMoreBody
                case .sendContinue: continue
                case .request(let request): requests.append(request)
                }
            } catch {
                return .refused(error)
            }
        }
    }
}

/// The only request in `text`.
func request(_ text: String) throws -> Request {
    let outcome = Outcome(of: text)
    guard outcome.end == .needMoreHead, outcome.requests.count == 1 else { throw Unexpected(outcome: outcome) }
    return outcome.requests[0]
}

struct Unexpected: Error { let outcome: Outcome }

/// A GET with these lines between Host and the empty line.
func get(_ target: String = "/", _ lines: String...) throws -> Request {
    try request("GET \(target) HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n")
}

extension Request {
    var bodyText: String { String(decoding: body, as: UTF8.self) }
}
