import Dialects
import SocketIO

/// The clients of Socket.IO, which outlive their connections.
extension Hub {
    /// Opens a session of Engine.IO; `nil` where too many have not signed in.
    ///
    /// - Parameter token: What came with the request.
    func openClient(
        _ name: DialectName, on transport: EngineTransport, base64: Bool, token: String?, from address: String
    ) -> EngineClient? {
        if unconnectedClients >= settings.maxUnconnected { return nil }
        let client = place {
            SocketIOClient($0, name, on: transport, base64: base64, token: token, from: address, of: self)
        }
        clients[client.sid] = client
        return client
    }

    /// Who has a session, as its id says.
    func home(of sid: String) -> SessionID.Home? { SessionID.home(of: sid, isInCluster: forwarding != nil) }

    func client(_ sid: String) -> EngineClient? { clients[sid] }

    func remove(_ client: EngineClient) {
        clients[client.sid] = nil
        remove(client as Carrier)
    }

    /// Has a client flushed at the end of this turn.
    func setUnflushed(_ client: EngineClient) { unflushed.append(client) }

    func flushClients() -> Bool {
        if unflushed.isEmpty { return false }
        var clients: [EngineClient] = []
        swap(&clients, &unflushed)
        for client in clients { client.flush() }
        return true
    }
}
