import Chat
import Dialects
import JSON
import SocketIO
import WebSocket

/// An event's frames: that of a dialect and a role is made when its first receiver comes up, and then shared by all.
struct Frames {
    private struct Made {
        /// Of the dialect and the role; -1 where none is made.
        let place: Int
        /// `nil` where the dialect has no words.
        let frame: [UInt8]?
    }

    private let event: Event
    private let offset: EventOffset?
    /// Most events are heard in one dialect, in one role or two: those are looked at for each receiver.
    private var first = Made(place: -1, frame: nil), second = Made(place: -1, frame: nil)
    private var others: [Made] = []
    /// How many heard of it.
    var hearers: UInt64 = 0

    /// - Parameter offset: The event's, where clients are told it to come back to.
    init(_ event: Event, _ offset: EventOffset? = nil) {
        self.event = event
        self.offset = offset
    }

    /// A number for both. Comparing the two themselves, or asking how many roles there are, calls what is generic.
    private static func place(_ name: DialectName, _ role: Role) -> Int { name.rawValue << 8 | role.rawValue }
    /// Added to the place of a frame that is compressed.
    private static let deflated = 1 << 16

    /// The frame for receivers of a dialect, or `nil` when it has no words for the event.
    mutating func frame(for name: DialectName, as role: Role = .other) -> [UInt8]? {
        let place = Self.place(name, role)
        if first.place == place { return first.frame }
        if second.place == place { return second.frame }
        return find(place, for: name, as: role)
    }

    /// Kept apart from what is asked for each receiver.
    @inline(never) private mutating func find(_ place: Int, for name: DialectName, as role: Role) -> [UInt8]? {
        if let made = others.first(where: { $0.place == place }) { return made.frame }
        let frame = Self.frame(in: name, offset: offset?.heard(as: role)) { dialect, json in
            dialect.encode(event, to: role, into: &json)
        }
        let made = Made(place: place, frame: frame)
        if first.place < 0 { first = made } else if second.place < 0 { second = made } else { others.append(made) }
        return frame
    }

    /// The same, as `deflate` makes it of the frame, once.
    mutating func deflated(for name: DialectName, as role: Role, _ deflate: ([UInt8]) -> [UInt8]) -> [UInt8]? {
        let place = Self.place(name, role) + Self.deflated
        if let made = others.first(where: { $0.place == place }) { return made.frame }
        let frame = frame(for: name, as: role).map(deflate)
        others.append(Made(place: place, frame: frame))
        return frame
    }

    /// ``WebSocket/FrameEncoder/room``, and what an event of Socket.IO begins with: `42[`. A literal, as that is.
    static let eventHead: [UInt8] = [0, 0, 0, 0, 0x34, 0x32, 0x5B]

    /// A frame of a dialect, or `nil` when `write` says that it has no words.
    ///
    /// - Parameter offset: What a client may come back with.
    static func frame(
        in name: DialectName, offset: EventOffset? = nil, _ write: (any Dialect.Type, inout JSONWriter) -> Bool
    ) -> [UInt8]? {
        let dialect = name.dialect
        switch dialect.transport {
        case .webSocket:
            var json = JSONWriter(behind: FrameEncoder.room)
            return write(dialect, &json) ? FrameEncoder.finish(.text, json.finish()) : nil
        case .socketIO:
            var json = JSONWriter(inArrayBehind: eventHead)
            if !write(dialect, &json) { return nil }
            if let offset { json.append(offset) }
            return FrameEncoder.finish(.text, json.finishArray())
        }
    }

    /// What acknowledges a client's event.
    static func acknowledgement(of id: UInt64, _ write: (inout JSONWriter) -> Void) -> [UInt8] {
        FrameEncoder.finish(
            .text, SocketPacketEncoder.acknowledgement(of: id, behind: FrameEncoder.room) { write(&$0) })
    }
}
