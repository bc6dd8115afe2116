import EventLoop
import HTTP
import JSON

// What `switchboard drain` asks for. It is of the local socket alone: for everybody else there is nothing here.

extension API {
    static let drainEndpoints = [
        Endpoint(.get, "/api/drain/") { try await $0.drained($1) },
        Endpoint(.post, "/api/drain/") { api, call in
            if call.isLocal { api.state.drain() }
            return try await api.drained(call)
        },
    ]

    /// How far the server is with it.
    private func drained(_ call: Call) async throws -> Response {
        if !call.isLocal { throw Problem(.notFound, "Not found") }
        var clients = 0
        for shard in scrape.shards { clients += await shard.departing }
        return .json {
            $0.member("status", state.isDraining ? "draining" : "serving")
            $0.member("clients", clients)
            $0.member("process", System.identifier)
        }
    }
}
