import Chat

// What is of the moment gives way first where a client is behind with reading.

extension Session {
    /// Passes on the frame of an event that the client can do without for a while, if it reads what it is sent.
    func hear(_ frame: [UInt8], inPassing event: Event) {
        if heldBack == nil, !carrier.isCongested { return hear(frame) }
        let arrears = heldBack ?? Arrears()
        if !arrears.held.add(event) { return hear(frame) }
        heldBack = arrears
        hub.meter.heldBack()
        carrier.tellWhenDrained()
    }

    /// The client has caught up: it is told how things are now.
    func tellHeldBack() {
        guard let arrears = heldBack.take() else { return }
        for event in arrears.held.events {
            var frames = Frames(event)
            if let frame = frames.frame(for: name) { hear(frame) }
        }
    }

    /// What a session holds back. On the heap, as few ever have any.
    final class Arrears { fileprivate var held = HeldBack() }
}
