import JSON
package import JWT

/// Which JWTs of one issuer are accepted, and what their claims mean.
package struct JWTSettings: Equatable, Sendable {
    /// For messages.
    package var name: String
    package var source: Source
    /// `nil`: all that the keys serve.
    package var algorithms: Set<Algorithm>?
    package var issuer: String?
    package var audiences: [String] = []
    package var leeway = Duration.zero
    /// Names of claims; the first that a token has counts.
    package var idClaims = ["user_id", "sub", "id", "userId"]
    package var usernameClaims = ["username", "preferred_username"]
    package var nameClaims = ["name"]
    package var collegeClaims = ["college_id", "college"]
    /// Whether people who are known only from their token get an account.
    package var createsUsers = false

    /// Where the keys are. Files are read again when they change.
    package enum Source: Equatable, Sendable {
        case secret([UInt8])
        case secretFile(String)
        case keyFile(String)
        case jwksFile(String)
    }

    package init(name: String, source: Source) {
        self.name = name
        self.source = source
    }
}

// MARK: - From the configuration

extension JWTSettings {
    /// Reads a JSON array of verifiers, or nothing.
    ///
    /// - Throws: What is wrong, without any secret.
    static func list(_ text: String) throws(ConfigurationError) -> [JWTSettings] {
        if text.isEmpty { return [] }
        let bytes = Array(text.utf8)
        return try JSONParser.reading(bytes.span, maximumLength: 1 << 20) { root throws(ConfigurationError) in
            guard let root, root.isArray else { throw ConfigurationError("not a JSON array") }
            var list: [JWTSettings] = []
            try root.forEachElement { element throws(ConfigurationError) in
                list.append(try JWTSettings(element, number: list.count + 1))
            }
            return list
        }
    }

    private init(_ json: JSONValue, number: Int) throws(ConfigurationError) {
        guard json.isObject else { throw ConfigurationError("verifier \(number) is not an object") }
        let name = try Self.text(json, "name", number) ?? "verifier \(number)"
        let known: Set<String> = [
            "name", "secret", "secret_file", "key_file", "jwks_file", "algorithms", "issuer", "audience", "leeway",
            "id_claims", "username_claims", "name_claims", "college_claims", "create_users",
        ]
        var unknown: [String] = []
        json.forEachMember { member, _ in if !known.contains(member) { unknown.append(member) } }
        if let member = unknown.first { throw ConfigurationError("\(name): there is no \"\(member)\"") }

        let sources: [Source] = [
            try Self.text(json, "secret", number).map { .secret(Array($0.utf8)) },
            try Self.text(json, "secret_file", number).map { .secretFile($0) },
            try Self.text(json, "key_file", number).map { .keyFile($0) },
            try Self.text(json, "jwks_file", number).map { .jwksFile($0) },
        ].compactMap(\.self)
        guard sources.count == 1 else {
            throw ConfigurationError("\(name): one of secret, secret_file, key_file and jwks_file is needed")
        }
        self.init(name: name, source: sources[0])
        if case .secret(let secret) = source { try Self.check(secret, of: name) }

        if let names = try Self.texts(json, "algorithms", number) {
            algorithms = []
            for name in names {
                guard let algorithm = Algorithm(rawValue: name) else {
                    let all = Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
                    throw ConfigurationError("\(self.name): the algorithm \"\(name)\" is none of \(all)")
                }
                algorithms?.insert(algorithm)
            }
        }
        issuer = try Self.text(json, "issuer", number)
        audiences = try Self.texts(json, "audience", number) ?? []
        if let text = try Self.text(json, "leeway", number) {
            guard let duration = Duration(short: text) else {
                throw ConfigurationError("\(name): leeway is a duration such as 30s")
            }
            leeway = duration
        }
        idClaims = try Self.texts(json, "id_claims", number) ?? idClaims
        usernameClaims = try Self.texts(json, "username_claims", number) ?? usernameClaims
        nameClaims = try Self.texts(json, "name_claims", number) ?? nameClaims
        collegeClaims = try Self.texts(json, "college_claims", number) ?? collegeClaims
        if let value = json["create_users"] {
            guard let creates = value.bool else {
                throw ConfigurationError("\(name): create_users is true or false")
            }
            createsUsers = creates
        }
    }

    /// Whether a secret will do.
    static func check(_ secret: [UInt8], of name: String) throws(ConfigurationError) {
        do { _ = try Key(secret: secret) } catch { throw ConfigurationError("\(name): \(error)") }
    }

    private static func text(_ json: JSONValue, _ name: StaticString, _ number: Int) throws(ConfigurationError)
        -> String?
    {
        guard let value = json[name] else { return nil }
        guard let text = value.string, !text.isEmpty else {
            throw ConfigurationError("verifier \(number): \(name) is a text")
        }
        return text
    }

    /// A text, or a list of texts.
    private static func texts(
        _ json: JSONValue, _ name: StaticString, _ number: Int
    ) throws(ConfigurationError) -> [String]? {
        guard let value = json[name] else { return nil }
        if let text = value.string { return [text] }
        var texts: [String]? = value.isArray ? [] : nil
        value.forEachElement { element in
            if let text = element.string { texts?.append(text) } else { texts = nil }
        }
        guard let texts, !texts.isEmpty else {
            throw ConfigurationError("verifier \(number): \(name) is a text or a list of texts")
        }
        return texts
    }
}
