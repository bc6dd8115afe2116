package import Chat
import EventLoop
import JSON

/// The server's log on standard error: readable on a terminal, one JSON object a line elsewhere.
///
/// What goes in are facts about the server. Tokens, passwords, query strings and what people write stay out.
package struct Log: Sendable {
    package enum Level: Int, Comparable, Sendable {
        case debug, info, warning, error

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    package enum Format: Sendable { case text, json }

    private let level: Level
    private let format: Format

    package init(level: Level, format: Format) {
        self.level = level
        self.format = format
    }

    /// For commands: what they have to say, they print.
    package static let quiet = Log(level: .error, format: .text)

    package func debug(_ message: StaticString, _ details: KeyValuePairs<StaticString, String> = [:]) {
        write(.debug, message, details)
    }

    package func info(_ message: StaticString, _ details: KeyValuePairs<StaticString, String> = [:]) {
        write(.info, message, details)
    }

    package func warning(_ message: StaticString, _ details: KeyValuePairs<StaticString, String> = [:]) {
        write(.warning, message, details)
    }

    package func error(_ message: StaticString, _ details: KeyValuePairs<StaticString, String> = [:]) {
        write(.error, message, details)
    }

    private func write(_ level: Level, _ message: StaticString, _ details: KeyValuePairs<StaticString, String>) {
        if level < self.level { return }
        let time = Timestamp.now.formatted(.milliseconds)
        switch format {
        case .json:
            var json = JSONWriter()
            json.object {
                $0.member("time", time)
                $0.member("level", "\(level)")
                $0.member("message", "\(message)")
                for (name, value) in details { $0.member(name, value) }
            }
            System.writeToStandardError(json.bytes + [UInt8(ascii: "\n")])
        case .text:
            // A value from outside must not be able to start a line of its own.
            let pairs = details.map { " \($0)=\($1.replacingControlCharacters)" }.joined()
            System.writeToStandardError(Array("\(time) \(level) \(message)\(pairs)\n".utf8))
        }
    }
}

extension Timestamp {
    /// The system's clock.
    package static var now: Timestamp { Timestamp(microseconds: System.microsecondsSince1970) }
}

extension String {
    fileprivate var replacingControlCharacters: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
