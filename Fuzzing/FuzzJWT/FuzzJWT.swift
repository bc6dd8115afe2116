import CLibFuzzer
import JWT

@main struct FuzzJWT {
    static func main() {
        unsafe fuzz(CommandLine.argc, CommandLine.unsafeArgv)
    }
}

/// The first byte says what the others are: a token, the header and payload of one that is rightly signed (a zero
/// between them), a JWK Set, PEM, or base64url.
@c(LLVMFuzzerTestOneInput)
public func fuzzJWT(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let choice = input.first else { return 0 }
    let rest = input[1...]
    switch choice % 5 {
    case 0: tryToken(String(decoding: rest, as: UTF8.self))
    case 1: trySigned(rest)
    case 2:
        if let set = try? KeySet(parsing: Array(rest)) {
            precondition(!set.keys.isEmpty)
        }
    case 3:
        if let key = try? Key(pem: Array(rest)) { precondition(key.kind != .secret) }
    default:
        if let bytes = Base64URL.decode(rest) { precondition(Array(Base64URL.encode(bytes).utf8) == Array(rest)) }
        precondition(Base64URL.decode(Base64URL.encode(rest).utf8) == Array(rest))
    }
    return 0
}

private let key: Key = {
    do {
        return try Key(secret: [UInt8](repeating: 0x5A, count: 32))
    } catch {
        preconditionFailure("\(error)")
    }
}()

private let now: Int64 = 1_700_000_000_000_000

/// Nobody guesses the key.
private func tryToken(_ token: String) {
    do {
        _ = try Verifier(keys: [key]).verify(token, at: now)
        preconditionFailure("a forged token was accepted")
    } catch {
        check(error)
    }
}

private func trySigned(_ input: ArraySlice<UInt8>) {
    let header = input.prefix { $0 != 0 }
    let payload = input.dropFirst(header.count + 1)
    let message = Base64URL.encode(header) + "." + Base64URL.encode(payload)
    guard let signature = try? key.signature(of: Array(message.utf8).span, using: .hs256) else { return }
    let token = message + "." + Base64URL.encode(signature)
    for leeway in [Duration.zero, .seconds(30), .seconds(Int64.max)] {
        do {
            let claims = try Verifier(keys: [key], leeway: leeway).verify(token, at: now)
            precondition(claims.validUntil ?? .max > now, "an expired token was accepted")
            precondition(claims.expiresAt ?? .max <= claims.validUntil ?? .max, "leeway shortens the life of a token")
            _ = claims.first(of: ["user_id", "sub"])
        } catch {
            check(error)
        }
    }
}

private func check(_ refusal: Refusal) {
    let text = refusal.description
    precondition(!text.isEmpty && text.count < 200 && text.unicodeScalars.allSatisfy { $0.value >= 32 })
}
