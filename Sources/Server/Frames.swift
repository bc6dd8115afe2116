import Chat
import Dialects
import JSON
import SocketIO
import WebSocket

/// An event's frames: that of a dialect and a role is made when its first receiver comes up, and then shared by all.
struct Frames {
    private enum Frame {
        case unknown
        case none
        case made([UInt8])
    }

    private let event: Event
    private let number: EventNumber?
    /// By dialect and role; in place, since there is one of these for each event.
    private var frames = InlineArray<16, Frame>(repeating: .unknown)
    private var deflatedFrames = InlineArray<16, Frame>(repeating: .unknown)

    /// - Parameter number: The event's, where clients are told it to come back to.
    init(_ event: Event, _ number: EventNumber? = nil) {
        assert(DialectName.allCases.count * Role.allCases.count <= frames.count)
        self.event = event
        self.number = number
    }

    /// The frame for receivers of a dialect, or `nil` when it has no words for the event.
    mutating func frame(for name: DialectName, as role: Role = .other) -> [UInt8]? {
        let place = name.rawValue * Role.allCases.count + role.rawValue
        switch frames[place] {
        case .made(let frame): return frame
        case .none: return nil
        case .unknown:
            let offset = number?.offset(for: role)
            let frame = Self.frame(in: name, offset: offset) { name.dialect.encode(event, to: role, into: &$0) }
            if let frame { frames[place] = .made(frame) } else { frames[place] = .none }
            return frame
        }
    }

    /// The same, as `deflate` makes it of the frame, once.
    mutating func deflated(for name: DialectName, as role: Role, _ deflate: ([UInt8]) -> [UInt8]) -> [UInt8]? {
        let place = name.rawValue * Role.allCases.count + role.rawValue
        if case .made(let frame) = deflatedFrames[place] { return frame }
        guard let frame = frame(for: name, as: role).map(deflate) else { return nil }
        deflatedFrames[place] = .made(frame)
        return frame
    }

    /// A frame of a dialect, or `nil` when `write` says that it has no words.
    ///
    /// - Parameter offset: What a client may come back with.
    static func frame(
        in name: DialectName, offset: String? = nil, _ write: (inout JSONWriter) -> Bool
    ) -> [UInt8]? {
        switch name.dialect.transport {
        case .webSocket:
            var json = JSONWriter()
            return write(&json) ? FrameEncoder.frame(.text, json.bytes.span) : nil
        case .socketIO:
            var hasWords = false
            let packet = SocketPacketEncoder.event { json in
                hasWords = write(&json)
                if let offset { json.append(offset) }
            }
            return hasWords ? FrameEncoder.frame(.text, packet.span) : nil
        }
    }

    /// What acknowledges a client's event.
    static func acknowledgement(of id: UInt64, _ write: (inout JSONWriter) -> Void) -> [UInt8] {
        let packet = SocketPacketEncoder.acknowledgement(of: id) { write(&$0) }
        return FrameEncoder.frame(.text, packet.span)
    }
}
