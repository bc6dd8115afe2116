import Chat
import EventLoop
import Testing

@testable import Server

@Suite struct ConfigurationTests {
    private func configuration(
        flags: [String: String] = [:], environment: [String: String] = [:], file: String? = nil
    ) throws(ConfigurationError) -> Configuration {
        try Configuration(flags: flags, environment: environment, file: file.map { ("s.json", Array($0.utf8)) })
    }

    /// The text of the error, or `nil` where there is none.
    private func error(
        flags: [String: String] = [:], environment: [String: String] = [:], file: String? = nil
    ) -> String? {
        do {
            _ = try configuration(flags: flags, environment: environment, file: file)
            return nil
        } catch {
            return error.description
        }
    }

    // MARK: - Sources

    @Test("nothing set: the defaults")
    func defaults() throws {
        let shown = Dictionary(uniqueKeysWithValues: try configuration().summary.map { ($0.name, $0.value) })
        #expect(
            shown == [
                "listen": "127.0.0.1:8000", "tls_certificate": "", "tls_key": "", "hsts": "0s",
                "trusted_proxies": "", "proxy_protocol": "false",
                "database": "switchboard.db", "log_level": "info", "log_format": "auto",
                "loops": "0", "allowed_origins": "", "allowed_hosts": "", "token_failures": "100", "anonymous": "",
                "api_keys": "0 set",
                "rooms_rate": "20.0",
                "rooms_burst": "100.0", "erp_offline_notice": "true", "ping_interval": "25s", "ping_timeout": "20s",
                "head_timeout": "10s", "body_timeout": "30s", "keepalive_timeout": "60s", "drain_time": "3s",
                "shutdown_timeout": "5s",
                "connect_timeout": "45s", "recovery": "120s", "recovery_log": "33554432", "max_payload": "1000000",
                "max_unconnected": "10000", "deflate": "true",
                "deflate_threshold": "1024", "deflate_level": "1", "deflate_context": "false",
                "deflate_window_bits": "12", "max_body": "1048576", "max_message": "1048576", "max_text": "16384",
                "send_queue": "4194304",
                "store_patience": "5s", "max_connections": "0", "connections_per_address": "10000",
                "limit_loopback": "false", "connections_per_person": "200", "handshake_rate": "0.0",
                "handshake_burst": "1000.0", "message_rate": "2000.0", "message_burst": "20000.0",
                "store_queue": "20000", "anonymous_notifications": "true", "dialect_rules": "",
                "history_limit": "10000",
                "allow_registration": "false", "jwt_secret": "none", "jwt": "none", "bulk_rate": "500",
                "metrics": "true", "retain_messages": "forever", "retain_notifications": "forever",
                "store": "sqlite:switchboard.db", "store_retry": "10s",
                "channels": "", "channels_prefix": "asgi", "channels_capacity": "100", "channels_expiry": "60s",
                "channels_group_expiry": "86400s", "channels_keys": "0 set", "emitters": "none",
                "emitters_key": "socket.io", "emitters_channel": "socketio", "bus": "none", "bus_prefix": "switchboard",
                "node_address": "127.0.0.1:0",
            ])
    }

    @Test("a flag wins over a variable, a variable over the file, the file over the default")
    func precedence() throws {
        let file = #"{"rooms_rate": 1, "rooms_burst": 1, "max_text": 1}"#
        let configuration = try configuration(
            flags: ["rooms_rate": "3"], environment: ["SWITCHBOARD_ROOMS_RATE": "2", "SWITCHBOARD_ROOMS_BURST": "2"],
            file: file)
        #expect(configuration.roomsRate.rate == 3)
        #expect(configuration.roomsRate.burst == 2)
        #expect(configuration.maxText == 1)
        #expect(configuration.maxBody == 1 << 20)
    }

    @Test("each setting is taken from each source, under that source's spelling", arguments: Setting.all.map(\.name))
    func sources(_ name: String) throws {
        let setting = try #require(Setting.all.first { $0.name == name })
        let (value, shown) = try #require(Self.examples[name])
        let fromFlag = try configuration(flags: [name: value])
        let fromVariable = try configuration(environment: ["SWITCHBOARD_" + name.uppercased(): value])
        let quoted = value.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: #"\""#)
        let fromFile = try configuration(file: #"{"\#(name)": "\#(quoted)"}"#)
        #expect([fromFlag, fromVariable, fromFile].map(setting.show) == [shown, shown, shown])
        #expect(try setting.show(configuration()) != shown)
        #expect(setting.variable == "SWITCHBOARD_" + name.uppercased())
        #expect(setting.flag.dropFirst(2).allSatisfy { $0.isLowercase || $0 == "-" })
        #expect(!setting.help.isEmpty)
    }

    /// A value of each setting, and how it is shown.
    private static let examples: [String: (value: String, shown: String)] = [
        "listen": ("localhost:9000", "127.0.0.1:9000"), "tls_certificate": ("/a.pem, /b.pem", "/a.pem,/b.pem"),
        "tls_key": ("/a.key", "/a.key"), "hsts": ("180d", "15552000s"),
        "trusted_proxies": ("10.0.0.0/8, ::1", "10.0.0.0/8,::1"), "proxy_protocol": ("true", "true"),
        "database": ("/var/lib/s.db", "/var/lib/s.db"),
        "store": ("postgres://me@db.example:5433/chat", "postgres://me@db.example:5433/chat"),
        "store_retry": ("3s", "3s"),
        "channels": ("redis://a/1, unix:///b", "redis://a:6379/1,unix:///b"), "channels_prefix": ("mine", "mine"),
        "channels_capacity": ("1", "1"), "channels_expiry": ("2s", "2s"), "channels_group_expiry": ("2s", "2s"),
        "channels_keys": ("a,b", "2 set"), "emitters": ("redis://", "redis://localhost:6379/0"),
        "emitters_key": ("mine", "mine"), "emitters_channel": ("mine", "mine"),
        "bus": ("redis://b/2", "redis://b:6379/2"), "bus_prefix": ("mine", "mine"),
        "node_address": ("[::1]:7000", "[::1]:7000"),
        "log_level": ("debug", "debug"), "log_format": ("json", "json"), "loops": ("256", "256"),
        "allowed_origins": ("https://A.example, http://b:3000 ", "https://a.example,http://b:3000"),
        "token_failures": ("0", "0"), "allowed_hosts": ("A.example, [::2]", "a.example,[::2]"),
        "anonymous": ("rooms", "rooms"), "api_keys": ("0123456789abcdef,fedcba9876543210", "2 set"),
        "rooms_rate": ("0", "0.0"), "rooms_burst": ("1.5", "1.5"), "erp_offline_notice": ("false", "false"),
        "anonymous_notifications": ("false", "false"), "allow_registration": ("true", "true"),
        "metrics": ("false", "false"), "retain_messages": ("90d", "7776000s"),
        "retain_notifications": ("24h", "86400s"),
        "bulk_rate": ("100000", "100000"), "jwt_secret": (String(repeating: "x", count: 32), "set"),
        "jwt": (#"[{"name":"login","key_file":"/k.pem"},{"jwks_file":"/k.json"}]"#, "login, verifier 2"),
        "ping_interval": ("500ms", "500ms"), "ping_timeout": ("1s", "1s"), "head_timeout": ("15m", "900s"),
        "body_timeout": ("12h", "43200s"), "keepalive_timeout": ("1d", "86400s"), "shutdown_timeout": ("1ms", "1ms"),
        "drain_time": ("0s", "0s"),
        "connect_timeout": ("100ms", "100ms"), "recovery": ("0s", "0s"), "recovery_log": ("1024", "1024"),
        "max_payload": ("1000", "1000"), "max_unconnected": ("1", "1"), "deflate": ("false", "false"),
        "deflate_threshold": ("0", "0"), "deflate_level": ("9", "9"), "deflate_context": ("true", "true"),
        "deflate_window_bits": ("9", "9"),
        "max_body": ("1073741824", "1073741824"), "max_message": ("1", "1"), "max_text": ("1048576", "1048576"),
        "store_patience": ("1500ms", "1500ms"), "max_connections": ("10000000", "10000000"),
        "connections_per_address": ("0", "0"), "limit_loopback": ("true", "true"), "connections_per_person": ("1", "1"),
        "handshake_rate": ("0.01", "0.01"), "handshake_burst": ("1", "1.0"), "message_rate": ("1000000", "1000000.0"),
        "message_burst": ("2.5", "2.5"),
        "send_queue": ("1", "1"), "store_queue": ("10000000", "10000000"), "history_limit": ("100000", "100000"),
        "dialect_rules": (
            "Chat.example.org=conversations, /ws/chat=campus", "chat.example.org=conversations,/ws/chat/=campus"
        ),
    ]

    @Test(
        "the file spells values as JSON does",
        arguments: [
            (#"{"erp_offline_notice": false}"#, "erp_offline_notice", "false"),
            (#"{"rooms_rate": 2.5}"#, "rooms_rate", "2.5"), (#"{"rooms_rate": 2}"#, "rooms_rate", "2.0"),
            (#"{"max_text": 100}"#, "max_text", "100"),
            (
                #"{"allowed_origins": ["https://a.example", "http://b:3000"]}"#, "allowed_origins",
                "https://a.example,http://b:3000"
            ),
            (#"{"allowed_origins": []}"#, "allowed_origins", ""),
            (#"{"anonymous": ["rooms"]}"#, "anonymous", "rooms"),
            (#"{"dialect_rules": ["a=campus", "b=conversations"]}"#, "dialect_rules", "a=campus,b=conversations"),
            (#"{"api_keys": ["0123456789abcdef"]}"#, "api_keys", "1 set"),
            (#"{"jwt": []}"#, "jwt", "none"),
            (#"{"jwt": [{"name": "login", "key_file": "/k.pem", "leeway": "30s"}]}"#, "jwt", "login"),
        ])
    func jsonValues(_ file: String, _ name: String, _ shown: String) throws {
        #expect(try configuration(file: file).summary.first { $0.name == name }?.value == shown)
    }

    @Test("other programs' variables, and the file's own, are no settings")
    func otherVariables() throws {
        let configuration = try configuration(
            environment: ["HOME": "/", "LISTEN": "x", "SWITCHBOARD_CONFIG": "s.json", "SWITCHBOARDS": "x"])
        #expect(configuration.listen == SocketAddress("127.0.0.1:8000"))
    }

    // MARK: - Errors

    /// A value that each setting refuses, and what it says is allowed.
    private static let wrong: [String: (values: [String], allowed: String)] = [
        "listen": (["", "8000", "host.example:80", "127.0.0.1", "127.0.0.1:65536"], "IP:PORT"),
        "tls_certificate": ([" "], "a list of paths"), "tls_key": ([" "], "a list of paths"),
        "hsts": (["", "0", "-1s"], "0s or a duration"),
        "trusted_proxies": (
            ["localhost", "10.1.2.3/8", "10.0.0.0/33", "::1/129", "127.0.0.1,x"],
            "a list such as 127.0.0.1 or 10.0.0.0/8"
        ), "proxy_protocol": (["", "1", "v2"], "true or false"),
        "database": ([""], "a path"),
        // Their own tests have what is wrong with a URL.
        "store": ([], ""), "channels": ([], ""), "emitters": ([], ""), "bus": ([], ""),
        "store_retry": (["0s", "5"], "a duration such as 500ms, 90s, 15m or 12h"),
        "channels_prefix": ([""], "1 to 100 characters"),
        "channels_capacity": (["0", "x"], "1 to 1000000"),
        "channels_expiry": (["0s", "1"], "a duration such as 500ms, 90s, 15m or 12h"),
        "channels_group_expiry": (["1s", "x"], "2s or a longer duration"),
        "emitters_key": ([""], "1 to 100 characters"), "emitters_channel": ([""], "1 to 100 characters"),
        "bus_prefix": ([""], "1 to 100 characters"), "node_address": (["", "here", ":1"], "IP:PORT"),
        "log_level": (["", "Info", "trace"], "debug, info, warning or error"),
        "log_format": (["", "xml"], "auto, text or json"),
        "loops": (["", "-1", "257", "1.5", "two"], "0 to 256"),
        "allowed_origins": (
            ["*", "app.example.org", "https://a.example/", "https://a.example,ftp://b"],
            "a list of origins such as https://app.example.org"
        ),
        "token_failures": (["", "-1", "1000001", "many"], "0 to 1000000"),
        "allowed_hosts": (
            ["https://a.example", "a.example:80", "*.example", "[::1"],
            "a list of host names such as chat.example.org, or *"
        ),
        "anonymous": (["erp", "rooms,erp", "true"], "a list of: rooms"),
        "rooms_rate": (["", "-1", "inf", "nan", "fast"], "a number, 0 or more"),
        "rooms_burst": (["", "0", "0.5", "inf"], "a number, 1 or more"),
        "erp_offline_notice": (["", "yes", "1", "True"], "true or false"),
        "anonymous_notifications": (["", "no"], "true or false"),
        "allow_registration": (["", "yes", "1"], "true or false"),
        "metrics": (["", "no", "1"], "true or false"),
        "retain_messages": (["", "23h", "0", "never", "-1d"], "forever, or a duration of 1d or more"),
        "retain_notifications": (["", "86399s", "30"], "forever, or a duration of 1d or more"),
        "bulk_rate": (["", "0", "100001", "0.5"], "1 to 100000"),
        "ping_interval": (["", "0s", "5", "-5s", "1.5s"], "a duration such as 500ms, 90s, 15m or 12h"),
        "ping_timeout": (["0ms"], "a duration such as 500ms, 90s, 15m or 12h"),
        "head_timeout": (["0m"], "a duration such as 500ms, 90s, 15m or 12h"),
        "connect_timeout": (["0s"], "a duration such as 500ms, 90s, 15m or 12h"),
        "recovery": (["", "0", "-1s"], "0s or a duration"), "recovery_log": (["0"], "1 to 1073741824"),
        "deflate": (["", "yes"], "true or false"), "deflate_threshold": (["-1"], "0 to 1073741824"),
        "deflate_level": (["0", "10"], "1 to 9"), "deflate_context": ([""], "true or false"),
        "deflate_window_bits": (["8", "16"], "9 to 15"), "max_payload": (["0", "1073741825"], "1 to 1073741824"),
        "max_unconnected": (["0", "1000001"], "1 to 1000000"),
        "body_timeout": (["0h"], "a duration such as 500ms, 90s, 15m or 12h"),
        "keepalive_timeout": (["0d"], "a duration such as 500ms, 90s, 15m or 12h"),
        "shutdown_timeout": (["soon"], "a duration such as 500ms, 90s, 15m or 12h"),
        "drain_time": (["soon", "-1s"], "0s or a duration"),
        "max_body": (["", "0", "1073741825", "1MB"], "1 to 1073741824"),
        "max_message": (["0", "1073741825"], "1 to 1073741824"),
        "max_text": (["0", "1048577"], "1 to 1048576"),
        "send_queue": (["0", "1073741825"], "1 to 1073741824"),
        "store_patience": (["0s", "5"], "a duration such as 500ms, 90s, 15m or 12h"),
        "max_connections": (["-1", "10000001", "many"], "0 to 10000000"),
        "connections_per_address": (["-1", "10000001"], "0 to 10000000"), "limit_loopback": (["1"], "true or false"),
        "connections_per_person": (["", "10000001"], "0 to 10000000"),
        "handshake_rate": (["-1", "0.001", "1000001", "inf", "nan"], "0, or 0.01 to 1000000"),
        "message_rate": (["", "0.009"], "0, or 0.01 to 1000000"),
        "handshake_burst": (["0", "nan"], "1 to 1000000"), "message_burst": (["0.5", "1000001"], "1 to 1000000"),
        "store_queue": (["0", "10000001"], "1 to 10000000"), "history_limit": (["", "0", "100001"], "1 to 100000"),
        "dialect_rules": (
            ["campus", "a=socket", "/ws/counter/=rooms=", "a=campus,b"],
            "a list such as chat.example.org=conversations or /ws/chat/=campus"
        ),
    ]

    @Test("a wrong value names its key, its source and what is allowed", arguments: wrong.keys.sorted())
    func wrongValues(_ name: String) throws {
        let (values, allowed) = try #require(Self.wrong[name])
        let flag = "--" + name.split(separator: "_").joined(separator: "-")
        let variable = "SWITCHBOARD_" + name.uppercased()
        for value in values {
            let rest = #""\#(value)" is not allowed; allowed is \#(allowed)"#
            #expect(error(flags: [name: value]) == "\(flag) (flag): \(rest)")
            #expect(error(environment: [variable: value]) == "\(variable) (environment): \(rest)")
            #expect(error(file: #"{"\#(name)": "\#(value)"}"#) == "\(name) (s.json): \(rest)")
        }
    }

    @Test("every setting but the secret ones has wrong values here")
    func complete() {
        let secrets = ["channels_keys", "api_keys", "jwt_secret", "jwt"]
        #expect(Set(Setting.all.map(\.name)).symmetricDifference(Self.wrong.keys) == Set(secrets))
        #expect(Setting.all.filter(\.isSecret).map(\.name) == secrets)
    }

    @Test(
        "a store that is none is refused without being repeated",
        arguments: ["", "sqlite:", "mysql://me:hush@db/x", "postgres://me:hush@[::1/x", "postgres://%zz"])
    func wrongStore(_ url: String) throws {
        let text = try #require(error(environment: ["SWITCHBOARD_STORE": url]))
        #expect(text.hasPrefix("SWITCHBOARD_STORE (environment): "))
        #expect(!text.contains("hush") && !text.contains("%zz"))
    }

    @Test("a store's password is taken from a variable, not from a flag, and is not shown")
    func storePassword() throws {
        let url = "postgres://me:hush@db.example/chat"
        let text = try #require(error(flags: ["store": url]))
        #expect(text.contains("SWITCHBOARD_STORE") && !text.contains("hush"))
        let taken = try configuration(environment: ["SWITCHBOARD_STORE": url])
        #expect(taken.summary.contains { $0.name == "store" && $0.value == "postgres://me@db.example/chat" })
    }

    @Test("a wrong secret is not shown")
    func secrets() {
        #expect(
            error(environment: ["SWITCHBOARD_API_KEYS": "short"])
                == "SWITCHBOARD_API_KEYS (environment): the value is not allowed; "
                + "allowed is a list of keys of 16 characters or more")
        #expect(
            error(file: #"{"api_keys": ["0123456789abcdef", "short"]}"#)
                == "api_keys (s.json): the value is not allowed; allowed is a list of keys of 16 characters or more")
        #expect(
            error(environment: ["SWITCHBOARD_JWT_SECRET": "short"])
                == "SWITCHBOARD_JWT_SECRET (environment): the value is not allowed; allowed is 32 bytes or more")
    }

    @Test(
        "a wrong list of verifiers says what is wrong, and never a secret",
        arguments: [
            ("{}", "not a JSON array"), ("[1]", "verifier 1 is not an object"),
            (
                #"[{"name":"a","key_file":"/k"},{}]"#,
                "verifier 2: one of secret, secret_file, key_file and jwks_file is needed"
            ),
            (
                #"[{"name":"a","key_file":"/k","secret":"short"}]"#,
                "a: one of secret, secret_file, key_file and jwks_file is needed"
            ),
            (#"[{"name":"a","keyfile":"/k"}]"#, #"a: there is no "keyfile""#),
            (#"[{"name":"a","key_file":"/k","leeway":"soon"}]"#, "a: leeway is a duration such as 30s"),
        ])
    func wrongVerifiers(_ list: String, _ reason: String) {
        #expect(error(environment: ["SWITCHBOARD_JWT": list]) == "SWITCHBOARD_JWT (environment): \(reason)")
        #expect(error(environment: ["SWITCHBOARD_JWT": #"[{"secret":"hush"}]"#])?.contains("hush") == false)
    }

    @Test(
        "a value of no scalar type says what is allowed",
        arguments: [
            (#"{"listen": null}"#, "listen (s.json): allowed is IP:PORT"),
            (#"{"listen": {"port": 80}}"#, "listen (s.json): allowed is IP:PORT"),
            (#"{"anonymous": [1]}"#, #"anonymous (s.json): allowed is a list of: rooms"#),
        ])
    func wrongTypes(_ file: String, _ text: String) {
        #expect(error(file: file) == text)
    }

    @Test("a key that is a number is none, however long")
    func numbersAsKeys() {
        #expect(error(file: #"{"api_keys": [1234567890123456]}"#) != nil)
    }

    @Test("an unknown key names itself and its source, and what it may have meant")
    func unknownKeys() {
        #expect(error(file: #"{"lisen": "x"}"#) == "lisen (s.json): no such setting; did you mean listen?")
        #expect(
            error(environment: ["SWITCHBOARD_PING_INTERVALL": "1s"])
                == "SWITCHBOARD_PING_INTERVALL (environment): no such setting; did you mean SWITCHBOARD_PING_INTERVAL?")
        #expect(
            error(file: #"{"colour": 1}"#) == "colour (s.json): no such setting; see switchboard check-config --help")
        #expect(error(file: #"{"max-body": 1}"#)?.contains("did you mean max_body") == true)
    }

    @Test("a file that is no JSON object names itself", arguments: ["", "[]", "listen", "{", "null", #"{"listen": }"#])
    func noObject(_ file: String) {
        #expect(error(file: file) == "s.json: not a JSON object")
    }
}
