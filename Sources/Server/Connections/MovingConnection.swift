import EventLoop
import HTTP

/// A connection on its way to the loop whose client its request is for.
struct MovingConnection: Sendable {
    let socket: LooseSocket
    let arrival: Arrival
    /// With what came behind the request, or with as much of it as came.
    let decoder: RequestDecoder
    let request: Request?
}
