import JWT
import Testing

/// A moment that most tests take for now: 2023-11-14 22:13:20 UTC, in microseconds.
let now: Int64 = 1_700_000_000_000_000

let secret = Array("a secret of at least thirty-two bytes".utf8)
let otherSecret = Array("another secret, as long as it has to be".utf8)

func secretKey(_ bytes: [UInt8] = secret, id: String? = nil, algorithm: Algorithm? = nil) -> Key {
    do {
        return try Key(secret: bytes, id: id, algorithm: algorithm)
    } catch {
        preconditionFailure("\(error)")
    }
}

/// - Parameter text: PEM with a private key.
func privateKey(_ text: String, id: String? = nil, algorithm: Algorithm? = nil) -> Key {
    do {
        return try Key(pem: Array(text.utf8), id: id, algorithm: algorithm)
    } catch {
        preconditionFailure("\(error)")
    }
}

/// A token with any header and payload, rightly signed.
func token(
    header: String = #"{"alg":"HS256"}"#, payload: String = "{}", key: Key = secretKey(),
    algorithm: Algorithm = .hs256
) -> String {
    let message = Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(payload.utf8))
    do {
        return message + "." + Base64URL.encode(try key.signature(of: Array(message.utf8).span, using: algorithm))
    } catch {
        preconditionFailure("\(error)")
    }
}

/// Why the token is refused, or `nil` if it is not.
func refusal(of token: String, by verifier: Verifier = Verifier(keys: [secretKey()]), at time: Int64 = now) -> Refusal?
{
    do {
        _ = try verifier.verify(token, at: time)
        return nil
    } catch {
        return error
    }
}

/// Why this can't be a key, or `nil` if it can.
func keyError(_ make: () throws(KeyError) -> Void) -> KeyError? {
    do {
        try make()
        return nil
    } catch {
        return error
    }
}

func keySet(_ json: String) throws(KeyError) -> KeySet { try KeySet(parsing: Array(json.utf8)) }
