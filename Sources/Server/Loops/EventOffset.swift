import Chat
import Cluster
import JSON

/// How far a client had heard when its connection broke.
struct EventOffset: Equatable {
    /// As the node counts that the client heard it from; ``EventNumber/none`` for what came from the store.
    let number: EventNumber
    /// Whether it heard the event only as one who has joined the conversation.
    private(set) var isPartial = false
    /// In a cluster, what other nodes know it by.
    private(set) var place: Place?

    struct Place: Equatable {
        let node: NodeID
        /// How far the store had got with the event; of one that is heard as two, and of the first of them, the message is
        /// this one.
        let position: StorePosition
    }

    init(_ number: EventNumber, at place: Place? = nil) {
        self.number = number
        self.place = place
    }

    /// What a client names as the last that it heard: the event, or of one that is heard as two the first.
    func heard(as role: Role) -> EventOffset {
        var offset = self
        offset.isPartial = role == .joined
        return offset
    }

    /// As clients are told it.
    var text: String {
        let own = isPartial ? "\(number.rawValue).1" : "\(number.rawValue)"
        guard let place else { return own }
        return "\(own):\(place.node.text):\(place.position.message):\(place.position.notification)"
    }

    /// Reads a ``text``.
    init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 4, omittingEmptySubsequences: false)
        let own = parts[0].split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard let number = UInt64(own[0]), own.count == 1 || own.count == 2 && own[1] == "1" else { return nil }
        self.number = EventNumber(rawValue: number)
        isPartial = own.count == 2
        if parts.count == 1 { return }
        guard parts.count == 4, let node = NodeID(parts[1]), let message = Int64(parts[2]),
            let notification = Int64(parts[3])
        else { return nil }
        place = Place(
            node: node,
            position: StorePosition(message: MessageID(message), notification: NotificationID(notification)))
    }
}

extension EventOffset: JSONWritable {
    /// Appends the ``text``, without a string in between where it is a number: each message to a client has it.
    func write(into json: inout JSONWriter) {
        if place != nil { return text.write(into: &json) }
        json.append(capacity: 22) { output in
            output.append(decimal: number.rawValue)
            if isPartial {
                output.append(UInt8(ascii: "."))
                output.append(UInt8(ascii: "1"))
            }
        }
    }
}
