import Chat
import Dialects
import JSON
import WebSocket

/// An event's frames: that of a dialect and a role is made when its first receiver comes up, and then shared by all.
struct Frames {
    private enum Frame {
        case unknown
        case none
        case made([UInt8])
    }

    private let event: Event
    private var frames = [Frame](repeating: .unknown, count: DialectName.allCases.count * Role.allCases.count)

    init(_ event: Event) { self.event = event }

    /// The frame for receivers of a dialect, or `nil` when it has no words for the event.
    mutating func frame(for name: DialectName, as role: Role = .other) -> [UInt8]? {
        let place = name.rawValue * Role.allCases.count + role.rawValue
        switch frames[place] {
        case .made(let frame): return frame
        case .none: return nil
        case .unknown:
            var json = JSONWriter()
            guard name.dialect.encode(event, to: role, into: &json) else {
                frames[place] = .none
                return nil
            }
            let frame = Self.text(json)
            frames[place] = .made(frame)
            return frame
        }
    }

    static func text(_ json: JSONWriter) -> [UInt8] { FrameEncoder.frame(.text, json.bytes.span) }
}
