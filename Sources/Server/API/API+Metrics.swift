import EventLoop
import HTTP
import Metrics

extension API {
    static let metricsEndpoints = [Endpoint(.get, "/metrics") { try await $0.metrics($1) }]

    /// For who asks on this machine, and for administrators.
    private func metrics(_ call: Call) async throws -> Response {
        if !settings.metrics { throw Problem(.notFound, "Not found") }
        let isNear = call.isLocal || SocketAddress.isLoopback(call.address) && call.isFromThisMachine
        if !isNear { try await administrator(of: call) }
        let headers: [Response.Header] = [("Content-Type", Exposition.contentType), ("Cache-Control", "no-store")]
        return Response(.ok, headers: headers, body: await scrape.text(passwords: hashing.count))
    }
}
