/// What a back end asks of clients of Socket.IO, through Redis.
package struct Emission: Sendable, Equatable {
    package enum Order: Sendable, Equatable {
        /// The name and the arguments, each as JSON, with `{"_placeholder":true,"num":0}` for each attachment.
        case event([[UInt8]], attachments: [[UInt8]] = [])
        /// Into rooms of the back end's own, and out of them.
        case join([String]), leave([String])
        case disconnect
    }

    /// Whom it is for: everybody where there are none.
    package var rooms: [String] = []
    /// Rooms whose members are left out.
    package var except: [String] = []
    package var order: Order

    /// Attachments of one event, and rooms that are named in one order.
    static let maximumAttachments = 10, maximumRooms = 1000
    /// Bytes in the name of a room.
    static let maximumName = 256

    /// Why something is dropped; each is counted.
    package enum Drop: String, Error, CaseIterable, Sendable {
        case malformed
        /// More bytes than `max_message`, more attachments than 10, or more rooms than 1,000.
        case tooLong = "too_long"
        /// Python's pickle, as python-socketio sent it before 5.14: reading it would mean running what it says.
        case pickle
        /// Another namespace than `/`.
        case unknownNamespace = "unknown_namespace"
        /// Nothing that Switchboard does.
        case unknownMethod = "unknown_method"
        /// The loops are so far behind with other events that this one is left out.
        case behind
    }

    func checked() throws(Drop) -> Emission {
        var names = rooms + except
        switch order {
        case .join(let rooms), .leave(let rooms): names += rooms
        case .event(_, let attachments):
            if attachments.count > Self.maximumAttachments { throw .tooLong }
        case .disconnect: break
        }
        if names.count > Self.maximumRooms || names.contains(where: { $0.utf8.count > Self.maximumName }) {
            throw .tooLong
        }
        return self
    }
}
