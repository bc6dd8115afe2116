import CLibFuzzer
import Chat
import Dialects
import EventLoop
import HTTP
import JSON
import WebSocket

@testable import Server

@main struct FuzzServer {
    static func main() {
        unsafe fuzz(CommandLine.argc, CommandLine.unsafeArgv)
    }
}

/// The first byte says what the others are: a configuration file, a flag, an origin and a host, a request, the body of a
/// call of the API, a backup, the payload of a pong, or the name of a session.
@c(LLVMFuzzerTestOneInput)
public func fuzzServer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let choice = input.first else { return 0 }
    let rest = input[1...]
    switch choice {
    case UInt8(ascii: "c"): readConfiguration([:], file: Array(rest))
    case UInt8(ascii: "f"): readFlag(rest)
    case UInt8(ascii: "o"): askOrigin(rest)
    case UInt8(ascii: "r"): readRequest(Array(rest))
    case UInt8(ascii: "b"): readBody(Array(rest))
    case UInt8(ascii: "k"): readBackup(Array(rest))
    case UInt8(ascii: "p"): readCursor(Array(rest))
    default:
        for isInCluster in [false, true] {
            let home = SessionID.home(of: String(decoding: rest, as: UTF8.self), isInCluster: isInCluster)
            precondition(home.map { $0.shard < 4096 } ?? true)
        }
    }
    return 0
}

// MARK: - Configuration

private func readConfiguration(_ flags: [String: String], file: [UInt8]? = nil) {
    do throws(ConfigurationError) {
        let settings = try Configuration(flags: flags, environment: [:], file: file.map { ("file", $0) })
        // What is in force must be possible to show.
        precondition(settings.summary.count == Setting.all.count)
    } catch {
        precondition(!error.description.isEmpty)
    }
}

/// One byte for the setting, then its value.
private func readFlag(_ input: ArraySlice<UInt8>) {
    guard let number = input.first else { return }
    let setting = Setting.all[Int(number) % Setting.all.count]
    readConfiguration([setting.name: String(decoding: input.dropFirst(), as: UTF8.self)])
}

// MARK: - Origins

/// Rules that are open to the world, and those of a server that listens on loopback.
private let open = origins { settings in
    settings.listen = SocketAddress("0.0.0.0:8000")!
    settings.allowedOrigins = ["https://app.example.org"]
}
private let loopback = origins { _ in }

private func origins(_ change: (inout Configuration) -> Void) -> Origins {
    var settings = Configuration()
    change(&settings)
    return Origins(settings)
}

/// An origin and a host, with a zero between them. Whoever is let in is named, or is this machine.
private func askOrigin(_ input: ArraySlice<UInt8>) {
    let origin = String(decoding: input.prefix { $0 != 0 }, as: UTF8.self)
    let host = String(decoding: input.drop { $0 != 0 }.dropFirst(), as: UTF8.self)
    let lower = origin.lowercased()
    if open.allows(Origins.Question(origin: origin, host: host)) {
        precondition(
            lower == "https://app.example.org"
                || [("http://", ":80"), ("https://", ":443")].contains { scheme, port in
                    // A scheme's own port may be written or left out.
                    [lower, lower + port].contains(scheme + host.lowercased())
                        || lower == scheme + host.lowercased() + port
                }, "a stranger is let in")
    }
    var question = Origins.Question(origin: origin, host: nil)
    if loopback.allows(question) {
        let name = lower.drop { $0 != "/" }.dropFirst(2).split(separator: ":", omittingEmptySubsequences: false)
        precondition(
            name.first == "localhost" || name.first == "127.0.0.1" || name.prefix(3).joined() == "[1]"
                || lower.contains("//[::1]"), "a stranger is taken for this machine")
    }
    question.isForwarded = true
    precondition(!loopback.allows(question), "a page of this machine comes through a proxy")
    if loopback.hosts.allows(host) {
        let name = Hosts.name(of: host)
        precondition(
            name == "localhost" || name.flatMap { SocketAddress($0 + ":0") }?.isLoopback == true,
            "a foreign host is served")
    }
    if Origins.isThisMachine(host) {
        precondition(!host.contains("/") && !host.contains("@"), "a URL is taken for a host")
    }
}

// MARK: - Requests

private let rules = ["chat.example.org=conversations", "/ws/chat/=campus"].compactMap { DialectRule($0) }
private let router = Router<Route>.make()

/// What the routes, the choice of the dialect and the API read of a request.
private func readRequest(_ bytes: [UInt8]) {
    var decoder = RequestDecoder(limits: HTTPLimits(requestLine: 1024, head: 4096, fieldCount: 20, body: 4096))
    decoder.append(bytes.span)
    if let step = try? decoder.next(), case .request(let request) = step { ask(request) }
}

private func ask(_ request: Request) {
    let token = GivenToken.present(request.queryValue("token"))
    _ = GivenToken.withOrWithoutScheme(request.header("authorization"))
    readHandshake(request)
    switch router.match(request) {
    case .found(.webSocket(let mounts), _):
        let chosen = mounts.choose(request, rules: rules, hasToken: token != nil)
        for kind in [TokenKind.opaque, .jwt] where !chosen.isEmpty { _ = chosen.forToken(kind) }
    case .found(.api(let endpoint), let parameters):
        ask(
            API.Call(
                endpoint: endpoint, request: request, parameters: parameters, isLocal: false, isProxied: false,
                address: "192.0.2.1"))
    case .found(.socketIO, _), .notFound, .methodNotAllowed: break
    }
}

/// What is granted is a request to open a websocket and nothing besides.
private func readHandshake(_ request: Request) {
    guard (try? Handshake(request)) != nil else { return }
    precondition(request.method == .get && !request.isHTTP10 && request.body.isEmpty, "a request for something else")
    precondition(request.lists("websocket", in: "upgrade") && request.lists("upgrade", in: "connection"))
    precondition(request.header("sec-websocket-version") == "13")
    precondition(request.header("sec-websocket-key").map { $0.utf8.count } == 24, "no key")
}

private func ask(_ call: API.Call) {
    _ = (call.isFromThisMachine, call.credential)
    expectProblem { _ = try call.limit() }
    expectProblem { _ = try call.college() }
    expectProblem { _ = try call.text("q") }
    expectProblem { _ = try call.idempotencyKey() }
    if !call.parameters.isEmpty { expectProblem { _ = try call.id(orThrow: .unknownUser) } }
    expectProblem { try call.withBody { _ in } }
}

// MARK: - Bodies

private func readBody(_ bytes: [UInt8]) {
    JSONParser.reading(bytes.span, maximumLength: 1 << 20) { body in
        if let body, body.isObject { readBody(body) }
    }
}

private func readBody(_ body: JSONValue) {
    expectProblem { _ = try body.requiredText("text") }
    expectProblem {
        let title = try body.text("title", limit: 5)
        precondition(title.map { (1...5).contains($0.unicodeScalars.count) } ?? true)
    }
    expectProblem { _ = try body.word("title") }
    expectProblem { _ = try body.flag("everybody") }
    expectProblem { _ = try body.requiredID("user_id") }
    expectProblem {
        let college = try body.college()
        precondition(college.map { $0.rawValue >= 1 } ?? true)
    }
    expectProblem {
        let ids = try body.ids("user_ids", limit: 3)
        precondition(ids.map { (1...3).contains($0.count) } ?? true)
    }
    expectProblem {
        guard let data = try body.object("data") else { return }
        JSONParser.reading(data.span, maximumLength: 1 << 21) {
            precondition($0?.isObject ?? false, "what is kept of an object is none")
        }
    }
}

/// Who calls wrongly is told so in a text, with a status that blames the caller.
@inline(never)
private func expectProblem(_ body: () throws -> Void) {
    do {
        try body()
    } catch let problem as API.Problem {
        precondition(!problem.message.isEmpty && (400..<500).contains(problem.status.rawValue))
    } catch {
        preconditionFailure("\(error)")
    }
}
