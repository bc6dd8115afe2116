import JSON

/// A JWK Set (RFC 7517), of which the keys that can verify tokens are kept.
package struct KeySet: Sendable {
    package let keys: [Key]
    /// The others, in their order: of kinds and algorithms that aren't supported, for another use, weak or malformed.
    package let skipped: [Skipped]

    /// A key that was left out.
    package struct Skipped: Sendable, Equatable, CustomStringConvertible {
        /// Where it is in the set, from 0.
        package let index: Int
        package let id: String?
        package let reason: KeyError

        package var description: String { "key \(id.map(quoted) ?? "number \(index + 1)"): \(reason)" }
    }

    /// - Parameter json: A JWK Set, or a single JWK; at most 1 MiB.
    /// - Throws: ``KeyError/noKeySet``, or ``KeyError/noUsableKey(_:)`` if no key is left: as RFC 7517, section 5, has
    ///   it, what isn't understood is passed over.
    package init(parsing json: [UInt8]) throws(KeyError) {
        (keys, skipped) = try JSONParser.reading(json.span, maximumLength: 1 << 20) { root throws(KeyError) in
            guard let root, root.isObject else { throw .noKeySet }
            return try Self.keys(in: root)
        }
    }

    private static func keys(in root: JSONValue) throws(KeyError) -> (usable: [Key], skipped: [Skipped]) {
        var jwks: [JSONValue] = []
        if let list = root["keys"] {
            guard list.isArray else { throw .noKeySet }
            list.forEachElement { jwks.append($0) }
        } else if root["kty"] != nil {
            jwks = [root]
        } else {
            throw .noKeySet
        }
        var keys: [Key] = []
        var skipped: [Skipped] = []
        for (index, jwk) in jwks.enumerated() {
            do throws(KeyError) {
                keys.append(try Key(jwk: jwk))
            } catch {
                skipped.append(Skipped(index: index, id: jwk["kid"]?.string, reason: error))
            }
        }
        guard !keys.isEmpty else { throw .noUsableKey(skipped) }
        return (keys, skipped)
    }
}

extension Key {
    /// The public half if it has a private one.
    fileprivate init(jwk: JSONValue) throws(KeyError) {
        guard jwk.isObject else { throw .noKeySet }
        let type = try jwk.text("kty")
        let operations = try jwk.operations()
        // An `alg` or `use` of its own kind is looked at before the numbers, so that an encryption key is called one.
        if let use = try jwk.optionalText("use"), use != "sig" { throw .forOtherUse }
        if let operations, !operations.contains("verify") { throw .forOtherUse }
        let algorithm = try jwk.optionalText("alg").map { name throws(KeyError) in
            guard let algorithm = Algorithm(rawValue: name) else { throw .unsupportedAlgorithm(name) }
            return algorithm
        }
        let id = try jwk.optionalText("kid")
        switch type {
        case "oct":
            try self.init(
                secret: jwk.bytes("k"), id: id, algorithm: algorithm, canSign: operations?.contains("sign") ?? true)
            return
        case "RSA":
            guard let material = try KeyMaterial.rsa(modulus: jwk.bytes("n"), exponent: jwk.bytes("e")) else {
                throw .unsound
            }
            try self.init(material, material.checkedKind(), id: id, algorithm: algorithm, canSign: false)
        case "EC":
            guard try jwk.text("crv") == "P-256" else { throw .unsupportedKind }
            // RFC 7518, section 6.2.1: the full length, leading zeros included.
            let x = try jwk.bytes("x")
            guard x.count == 32 else { throw .malformedMember("x") }
            let y = try jwk.bytes("y")
            guard y.count == 32 else { throw .malformedMember("y") }
            guard let material = KeyMaterial.p256(x: x, y: y) else { throw .unsound }
            try self.init(material, material.checkedKind(), id: id, algorithm: algorithm, canSign: false)
        default:
            throw .unsupportedKind
        }
    }
}

extension JSONValue {
    fileprivate func text(_ name: StaticString) throws(KeyError) -> String {
        guard let text = try optionalText(name) else { throw .malformedMember("\(name)") }
        return text
    }

    fileprivate func optionalText(_ name: StaticString) throws(KeyError) -> String? {
        guard let value = self[name] else { return nil }
        guard let text = value.string else { throw .malformedMember("\(name)") }
        return text
    }

    fileprivate func bytes(_ name: StaticString) throws(KeyError) -> [UInt8] {
        guard let bytes = Base64URL.decode(try text(name).utf8), !bytes.isEmpty else {
            throw .malformedMember("\(name)")
        }
        return bytes
    }

    /// What `key_ops` allows (RFC 7517, section 4.3); `nil` if it is not there.
    fileprivate func operations() throws(KeyError) -> [String]? {
        guard let list = self["key_ops"] else { return nil }
        guard list.isArray else { throw .malformedMember("key_ops") }
        var operations: [String] = []
        try list.forEachElement { value throws(KeyError) in
            guard let operation = value.string else { throw .malformedMember("key_ops") }
            operations.append(operation)
        }
        return operations
    }
}
