import EventLoop
import Foundation
import Testing

@Suite struct DialingTests {
    private func dial(_ address: RemoteAddress, on loop: EventLoop) async -> IOError? {
        await withCheckedContinuation { continuation in
            loop.submit {
                _ = Dialing(to: address, on: loop) { result in
                    if case .success(let stream) = result { stream.close() }
                    continuation.resume(returning: result.failure)
                }
            }
        }
    }

    @Test("a name is looked up, and the address that answers is taken")
    func names() async throws {
        let error = try await withLoop { loop in
            let (address, sockets) = try BoundSocket.tcp(SocketAddress("127.0.0.1:0")!, count: 1)
            await onLoop(loop) { _ = try? Listener(sockets[0], on: loop) { stream, _ in stream.close() } }
            return await dial(.tcp(host: "localhost", port: address.port), on: loop)
        }
        #expect(error == nil)
    }

    @Test("who connects is known by address at once, and over the loopback nothing is paced")
    func accepted() async throws {
        let seen: [String] = try await withLoop { loop in
            let (address, sockets) = try BoundSocket.tcp(SocketAddress("127.0.0.1:0")!, count: 1)
            return await withCheckedContinuation { continuation in
                loop.submit {
                    _ = try? Listener(sockets[0], on: loop) { stream, peer in
                        let control = Self.congestionControl(of: Int32(stream.descriptorNumber))
                        continuation.resume(returning: [peer, stream.peerAddress, control])
                        stream.close()
                    }
                    _ = Dialing(to: .tcp(host: "127.0.0.1", port: address.port), on: loop) { result in
                        if case .success(let stream) = result { stream.close() }
                    }
                }
            }
        }
        #expect(seen == ["127.0.0.1", "127.0.0.1", "reno"])
    }

    private static func congestionControl(of descriptor: Int32) -> String {
        #if os(Linux)
            var name = [CChar](repeating: 0, count: 16)
            var length = socklen_t(name.count)
            unsafe getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CONGESTION, &name, &length)
            return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        #else
            return "reno"
        #endif
    }

    @Test("a local socket is found by its path")
    func local() async throws {
        let path = temporarySocketPath()
        let error = try await withLoop { loop in
            let socket = try BoundSocket.local(path)
            await onLoop(loop) { _ = try? Listener(socket, on: loop) { stream, _ in stream.close() } }
            return await dial(.local(path: path), on: loop)
        }
        #expect(error == nil)
    }

    @Test(
        "where nobody listens, there is an error",
        arguments: [
            RemoteAddress.tcp(host: "127.0.0.1", port: 1), .local(path: "/no/such/socket"),
            .local(path: "/" + String(repeating: "x", count: 200)),
        ])
    func refused(_ address: RemoteAddress) async {
        #expect(await withLoop { await dial(address, on: $0) } != nil)
    }

    @Test("one that is cancelled calls nobody, and a loop that ends meanwhile ends")
    func cancelled() async {
        await withLoop { loop in
            await onLoop(loop) {
                for address in [RemoteAddress.tcp(host: "localhost", port: 1), .local(path: "/no/such/socket")] {
                    Dialing(to: address, on: loop) { _ in Issue.record("it was cancelled") }.cancel()
                }
            }
        }
    }
}

extension Result {
    fileprivate var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
