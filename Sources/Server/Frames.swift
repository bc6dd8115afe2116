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
    /// By dialect and role; in place, since there is one of these for each event.
    private var frames = InlineArray<16, Frame>(repeating: .unknown)

    init(_ event: Event) {
        assert(DialectName.allCases.count * Role.allCases.count <= frames.count)
        self.event = event
    }

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
