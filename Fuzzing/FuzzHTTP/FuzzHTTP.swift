import CLibFuzzer
import HTTP

@main struct FuzzHTTP {
    static func main() {
        unsafe fuzz(CommandLine.argc, CommandLine.unsafeArgv)
    }
}

/// Decodes the same bytes whole and in reads of many sizes. Where the reads were cut must not matter, so any
/// difference traps, and so does a decoder that keeps back more than it may.
///
/// The first byte seeds the sizes; the rest is what a peer sends.
@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start = unsafe start, count > 0 else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let bytes = Array(input[1...])

    let whole = Outcome(of: bytes, readSizes: [bytes.count])
    precondition(whole == Outcome(of: bytes, readSizes: [Int(input[0]) % (bytes.count + 1), bytes.count]))
    precondition(whole == Outcome(of: bytes, readSizes: sizes(seed: input[0], total: bytes.count)))
    whole.requests.forEach(ask)
    return 0
}

/// Small limits, so that inputs of a fuzzer's size reach them.
private let limits = HTTPLimits(requestLine: 128, head: 512, fieldCount: 8, body: 256)

/// What a decoder makes of some bytes.
private struct Outcome: Equatable {
    enum End: Equatable {
        case needMoreHead
        case needMoreBody
        case refused(HTTPError)
    }

    var requests: [Request] = []
    var end = End.needMoreHead

    init(of bytes: [UInt8], readSizes: [Int]) {
        var decoder = RequestDecoder(limits: limits)
        var start = 0
        for size in readSizes {
            let stop = min(start + size, bytes.count)
            decoder.append(bytes.span.extracting(start..<stop))
            start = stop
            end = drain(&decoder)
            // What may be left is a head, or the line with a chunk's size and all extensions.
            precondition(decoder.bufferedByteCount <= 16 + 4 * 1024 + 2)
        }
    }

    private mutating func drain(_ decoder: inout RequestDecoder) -> End {
        var continues = 0
        while true {
            do {
                switch try decoder.next() {
                case .needMoreHead: return .needMoreHead
                case .needMoreBody: return .needMoreBody
                case .sendContinue:
                    continues += 1
                    // It waits for the body, so there can't be a second one in the same read.
                    precondition(continues == 1)
                case .request(let request):
                    precondition(request.body.count <= limits.body)
                    requests.append(request)
                }
            } catch {
                return .refused(error)
            }
        }
    }
}

/// Reads of 0 to 15 bytes that add up to `total`.
private func sizes(seed: UInt8, total: Int) -> [Int] {
    var (state, left, sizes) = (UInt32(seed) + 1, total, [] as [Int])
    while left > 0 {
        state = state &* 1_664_525 &+ 1_013_904_223
        sizes.append(min(Int(state >> 28), left))
        left -= sizes[sizes.count - 1]
    }
    return sizes
}

private let router = {
    var router = Router<Int>()
    router.add(.get, "/a/{b}/c/", 1)
    router.add(.post, "/a/{b}", 2)
    return router
}()

/// Asks a request everything there is to ask.
private func ask(_ request: Request) {
    precondition(!request.rawPath.utf8.contains(0))
    precondition(request.rawPath == "*" || request.rawPath.utf8.first == UInt8(ascii: "/"))
    _ = (request.target, request.query, request.queryValue("a"), request.host, request.contentType)
    _ = (request.keepAlive, request.header("x"), request.lists("upgrade", in: "connection"))
    _ = router.match(request)

    let header = request.header("x") ?? ""
    let lines = [[], [(header, header)]].map { headers in
        Response(.ok, headers: headers).encoded(keepAlive: request.keepAlive).count { $0 == UInt8(ascii: "\n") }
    }
    precondition(lines[1] == lines[0] + (header.isEmpty ? 0 : 1), "a header has become another number of lines")
}
