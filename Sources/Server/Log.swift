package import Chat
import EventLoop
import JSON
import Synchronization

/// The server's log on standard error: readable on a terminal, one JSON object a line elsewhere.
///
/// What goes in are facts about the server. Tokens, passwords, query strings and what people write stay out.
package struct Log: Sendable {
    package enum Level: Int, Comparable, Sendable {
        case debug, info, warning, error

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    package enum Format: Sendable { case text, json }

    private let threshold: Threshold
    private let format: Format

    /// What all copies share, as it may change while the server runs.
    private final class Threshold: Sendable {
        let level: Atomic<Int>
        init(_ level: Level) { self.level = Atomic(level.rawValue) }
    }

    package init(level: Level, format: Format) {
        threshold = Threshold(level)
        self.format = format
    }

    /// For commands: what they have to say, they print.
    package static let quiet = Log(level: .error, format: .text)

    /// Writes lines from this level on.
    func setLevel(_ level: Level) { threshold.level.store(level.rawValue, ordering: .relaxed) }

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
        if level.rawValue < threshold.level.load(ordering: .relaxed) { return }
        System.writeToStandardError(line(level, message, details, at: .now))
    }

    /// A line as it is written, with its end. A value from outside can neither start a line of its own nor tell a
    /// terminal anything, in either format.
    func line(
        _ level: Level, _ message: StaticString, _ details: KeyValuePairs<StaticString, String>, at time: Timestamp
    ) -> [UInt8] {
        let time = time.formatted(.milliseconds)
        switch format {
        case .json:
            var json = JSONWriter()
            json.object {
                $0.member("time", time)
                $0.member("level", "\(level)")
                $0.member("message", "\(message)")
                for (name, value) in details { $0.member(name, value.replacingWhatIsNotShown) }
            }
            return json.bytes + [UInt8(ascii: "\n")]
        case .text:
            let pairs = details.map { " \($0)=\($1.replacingWhatIsNotShown)" }.joined()
            return Array("\(time) \(level) \(message)\(pairs)\n".utf8)
        }
    }
}

extension Timestamp {
    /// The system's clock.
    package static var now: Timestamp { Timestamp(microseconds: System.microsecondsSince1970) }
}

extension String {
    /// A space for each control character, end of a line or paragraph, and mark that turns the direction of text.
    fileprivate var replacingWhatIsNotShown: String {
        let kinds: [Unicode.GeneralCategory] = [.control, .format, .lineSeparator, .paragraphSeparator]
        return String(
            String.UnicodeScalarView(
                unicodeScalars.map { kinds.contains($0.properties.generalCategory) ? " " : $0 }))
    }
}
