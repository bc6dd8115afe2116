import Chat
import JSON
import Server
import Storage

/// `switchboard token`
enum TokenCommand {
    private static let help = """
        Creates, lists, revokes and checks tokens. USER is a username or an id.

        USAGE: switchboard token create USER [--jwt] [--expires 30d] [--json]
               switchboard token list [USER] [--json]
               switchboard token revoke ID
               switchboard token check [TOKEN]

        `create` prints the token alone, once: only its digest is stored. A JWT is stored nowhere and can't be revoked.
        `check` says whose a token is, or why it is refused, and then exits with 1. Without TOKEN it reads standard
        input: what stands on a command line can be read by others.

        OPTIONS:
          --jwt               make a JWT, signed with a secret that the database holds
          --expires DURATION  such as 90s, 15m, 12h or 30d; without it, the token holds until it is revoked, and a JWT
                              for a day
          --json              for machines
        \(Arguments.commonHelp)
        """

    static func run(_ words: [String]) throws {
        let arguments = try Arguments(
            Array(words.dropFirst()), flags: Arguments.commonFlags.union(["--expires"]), switches: ["--json", "--jwt"],
            help: help)
        switch words.first {
        case "create": try create(arguments)
        case "check": try TokenCheck.run(arguments)
        case "list": try list(arguments)
        case "revoke": try revoke(arguments)
        case "--help", "-h", "--version": _ = try Arguments(words, flags: [], switches: [], help: help)
        case let other:
            throw UsageError(
                "token: create, list, revoke or check, not \"\(other ?? "")\"; see switchboard token --help")
        }
    }

    private static func create(_ arguments: Arguments) throws {
        let name = try arguments.onlyWord("USER")
        let now = Timestamp.now
        var expiry: Timestamp?
        if let text = arguments.value("--expires") {
            guard let duration = Duration(short: text), duration > .zero else {
                throw UsageError(
                    "--expires (flag): \"\(text)\" is not allowed; allowed is a duration such as 90s, 15m, 12h or 30d")
            }
            expiry = now + duration
        }
        let store = try CommandStore.open(arguments)
        let user = try store.user(called: name)
        if arguments.has("--jwt") {
            // Its times are whole seconds.
            let now = Timestamp(microseconds: now.microseconds / 1_000_000 * 1_000_000)
            let end = expiry.map { Timestamp(microseconds: ($0.microseconds + 999_999) / 1_000_000 * 1_000_000) }
            return try createJWT(for: user, store, arguments, at: now, expiresAt: end ?? now + .seconds(86_400))
        }
        let token = AccessToken()
        let id = try store.transaction { () throws(StoreError) in
            try store.accounts.addToken(digest: token.digest, of: user.id, at: now, expiresAt: expiry)
        }
        if arguments.has("--json") {
            Terminal.printJSON { json in
                json.object {
                    $0.member("id", id)
                    $0.member("token", token.text)
                    $0.member("user_id", user.id.rawValue)
                    $0.member("expires", expiry)
                }
            }
        } else {
            Terminal.print(token.text)
        }
    }

    private static func createJWT(
        for user: User, _ store: Store, _ arguments: Arguments, at now: Timestamp, expiresAt: Timestamp
    ) throws {
        let verifiers = try TokenVerifiers(
            arguments.configuration(), secret: store.tokenSecret(), log: .quiet)
        let token = try verifiers.makeToken(for: user, at: now, expiresAt: expiresAt)
        if arguments.has("--json") {
            Terminal.printJSON { json in
                json.object {
                    $0.member("token", token)
                    $0.member("user_id", user.id.rawValue)
                    $0.member("expires", expiresAt.formatted(.seconds))
                }
            }
        } else {
            Terminal.print(token)
        }
    }

    private static func list(_ arguments: Arguments) throws {
        let store = try CommandStore.open(arguments)
        let user = try arguments.words.isEmpty ? nil : store.user(called: arguments.onlyWord("USER")).id
        let tokens = try store.accounts.tokens(of: user)
        if arguments.has("--json") {
            Terminal.printJSON { json in
                json.array { list in
                    for token in tokens {
                        list.object {
                            $0.member("id", token.id)
                            $0.member("user_id", token.user.rawValue)
                            $0.member("username", token.username)
                            $0.member("created", token.createdAt)
                            $0.member("expires", token.expiresAt)
                        }
                    }
                }
            }
        } else {
            for token in tokens {
                let expiry = token.expiresAt?.formatted(.seconds) ?? "never"
                Terminal.print(
                    "\(token.id)\t\(token.username)\tcreated \(token.createdAt.formatted(.seconds))\texpires \(expiry)")
            }
        }
    }

    private static func revoke(_ arguments: Arguments) throws {
        let word = try arguments.onlyWord("ID")
        guard let id = Int64(word) else { throw UsageError("ID: \"\(word)\" is not allowed; allowed is a number") }
        let store = try CommandStore.open(arguments)
        let existed = try store.transaction { () throws(StoreError) in try store.accounts.revokeToken(id) }
        if !existed { throw Failure("there is no token \(id)") }
    }
}

extension JSONWriter {
    /// A moment as ISO 8601, or null.
    fileprivate mutating func member(_ name: StaticString, _ moment: Timestamp?) {
        if let moment { member(name, moment.formatted(.seconds)) } else { null(name) }
    }
}
