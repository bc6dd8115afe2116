import Chat
import JSON
import Testing

@testable import Server

@Suite struct LogTests {
    private static let evil = "a\nb\r\u{1B}[31mc\u{7F}d\u{9B}e\u{85}f\u{2028}g\u{2029}h\u{202E}i\0"
    private let time = Timestamp(microseconds: 1_767_702_600_000_000)

    private func line(_ format: Log.Format, _ value: String) -> String {
        let log = Log(level: .debug, format: format)
        return String(decoding: log.line(.warning, "it happened", ["who": value], at: time), as: UTF8.self)
    }

    @Test("a value from outside stays on its line and tells a terminal nothing")
    func injection() {
        let shown = "a b  [31mc d e f g h i "
        #expect(line(.text, Self.evil) == "2026-01-06T12:30:00.000Z warning it happened who=\(shown)\n")
        #expect(
            line(.json, Self.evil)
                == #"{"time":"2026-01-06T12:30:00.000Z","level":"warning","message":"it happened","who":"\#(shown)"}"#
                + "\n")
    }

    @Test("quotes do not end a value", arguments: [#"","level":"error"#, #"\"#])
    func quotes(_ value: String) throws {
        let line = line(.json, value)
        JSONParser.reading(Array(line.utf8).span, maximumLength: 1000) { parsed in
            #expect(parsed?["who"]?.string == value)
            #expect(parsed?["level"]?.string == "warning")
        }
    }

    @Test("other text is told as it is")
    func text() { #expect(line(.text, "café 漢字 👋").hasSuffix("who=café 漢字 👋\n")) }
}
