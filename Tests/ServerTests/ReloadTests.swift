import EventLoop
import Testing

@testable import Server

/// What a server takes over that reads its configuration again.
@Suite struct ReloadTests {
    private func configuration(_ file: String) throws -> Configuration {
        try Configuration(flags: [:], environment: [:], file: (path: "switchboard.json", bytes: Array(file.utf8)))
    }

    @Test("nothing where nothing changed")
    func nothing() throws {
        let settings = try configuration(
            #"{"allowed_hosts": ["a.example"], "jwt": [{"secret": "0123456789abcdef0123456789abcdef"}]}"#)
        let reload = Reload(settings, wanted: settings)
        #expect(reload.changed.isEmpty && reload.waiting.isEmpty)
    }

    @Test("what can change does, what can't waits")
    func both() throws {
        let reload = Reload(
            try configuration(#"{"max_text": 10, "loops": 1}"#),
            wanted: try configuration(#"{"max_text": 20, "loops": 2, "api_keys": ["0123456789abcdef"]}"#))
        #expect(reload.changed == ["api_keys", "max_text"])
        #expect(reload.waiting == ["loops"])
        #expect(reload.settings.maxText == 20 && reload.settings.loops == 1)
        #expect(reload.settings.apiKeys == ["0123456789abcdef"])
    }

    @Test("what left the file is the default again")
    func absent() throws {
        let reload = Reload(try configuration(#"{"max_text": 10}"#), wanted: try configuration("{}"))
        #expect(reload.changed == ["max_text"] && reload.settings.maxText == Configuration().maxText)
    }

    @Test("a secret that changed is seen, in the place of another as well")
    func secrets() throws {
        let reload = Reload(
            try configuration(#"{"jwt": [{"secret": "0123456789abcdef0123456789abcdef"}]}"#),
            wanted: try configuration(#"{"jwt": [{"secret": "fedcba9876543210fedcba9876543210"}]}"#))
        #expect(reload.waiting == ["jwt"])
    }

    @Test("TLS does not begin and does not end, but its certificates change")
    func tls() throws {
        let (none, one) = (try configuration("{}"), try configuration(#"{"tls_certificate": "a", "tls_key": "b"}"#))
        let other = try configuration(#"{"tls_certificate": "c", "tls_key": "d"}"#)
        #expect(Reload(none, wanted: one).waiting == ["tls_certificate", "tls_key"])
        #expect(Reload(one, wanted: none).waiting == ["tls_certificate", "tls_key"])
        #expect(Reload(one, wanted: other).changed == ["tls_certificate", "tls_key"])
    }
}
