import Foundation
import TLS
import Testing

/// Without a client: what is refused before one is needed, and the files. Real clients are in the acceptance tests.
@Suite struct TLSSessionTests {
    private let pipe = TLSPipe()

    private func session() throws -> TLSSession {
        let files = try Files()
        defer { files.remove() }
        return TLSSession(
            TLSContext([try TLSCertificate(certificate: files.certificate, key: files.key)]), through: pipe)
    }

    /// How much plaintext some bytes make, and why they are refused.
    private func receive(_ bytes: [UInt8], _ session: TLSSession) -> (plaintext: Int, failure: TLSError?) {
        session.receive(bytes.span)
    }

    @Test("plain HTTP is told from TLS by its first byte", arguments: ["GET / HTTP/1.1", "POST", "Z", "A"])
    func plain(_ text: String) throws {
        #expect(try receive(Array(text.utf8), session()).failure == .plainHTTP)
        #expect(!pipe.hasOutput)
    }

    @Test(
        "anything else that is no handshake fails, mostly with an alert",
        arguments: ["@", "[", "get /", "\0\0\0\0\0\0"])
    func garbage(_ text: String) throws {
        let session = try session()
        let bytes = Array((text + String(repeating: "x", count: 32)).utf8)
        let (count, failure) = receive(bytes, session)
        #expect(count == 0)
        #expect(failure != nil && failure != .plainHTTP)
        #expect(!session.isEstablished)
    }

    @Test("a handshake of more than 32 KiB is none")
    func endless() throws {
        let session = try session()
        // A hello of 128 KiB, in records of 16.
        var hello: [UInt8] =
            [0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x01, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 16_380)
        #expect(receive(hello, session).failure == nil)
        hello = [0x16, 0x03, 0x01, 0x40, 0x00] + [UInt8](repeating: 0, count: 16_384)
        #expect(receive(hello, session).failure == .handshakeTooLong)
    }

    @Test("nothing is said before the handshake is over")
    func early() throws {
        let session = try session()
        let bytes: [UInt8] = [1, 2, 3]
        let isSent = session.send(bytes.span)
        #expect(!isSent)
        session.sendEnd()
        #expect(!pipe.hasOutput)
    }

    @Test("what is taken out of the pipe is gone, and its memory serves again")
    func output() throws {
        _ = try receive([UInt8](repeating: 0, count: 11), session())
        let alert = pipe.takeOutput()
        #expect(!pipe.hasOutput)
        pipe.giveBack(alert)
        #expect(!pipe.hasOutput)
        #expect(pipe.takeOutput().isEmpty)
    }
}

@Suite struct TLSCertificateTests {
    @Test("a certificate and its key, for some days")
    func good() throws {
        let files = try Files()
        defer { files.remove() }
        #expect(try TLSCertificate(certificate: files.certificate, key: files.key).daysLeft >= 3650)
    }

    @Test("a file that is not there")
    func missing() throws {
        let files = try Files()
        defer { files.remove() }
        #expect(throws: TLSFileError(path: "/absent", reason: "No such file or directory")) {
            try TLSCertificate(certificate: "/absent", key: files.key)
        }
        #expect(throws: TLSFileError(path: "/absent", reason: "No such file or directory")) {
            try TLSCertificate(certificate: files.certificate, key: "/absent")
        }
    }

    @Test("one in the place of the other")
    func swapped() throws {
        let files = try Files()
        defer { files.remove() }
        #expect(throws: TLSFileError(path: files.key, reason: "no certificate in PEM")) {
            try TLSCertificate(certificate: files.key, key: files.certificate)
        }
        #expect(throws: TLSFileError(path: files.certificate, reason: "no private key in PEM")) {
            try TLSCertificate(certificate: files.certificate, key: files.certificate)
        }
    }
}

/// A certificate for `chat.example.org` until 2046, and its key, which is used nowhere else.
private struct Files {
    let folder = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString.prefix(8))")
    var certificate: String { folder.appending(path: "certificate.pem").path }
    var key: String { folder.appending(path: "key.pem").path }

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        try Data(Self.certificatePEM.utf8).write(to: URL(filePath: certificate))
        try Data(Self.keyPEM.utf8).write(to: URL(filePath: key))
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    private static let certificatePEM = """
        -----BEGIN CERTIFICATE-----
        MIIBpzCCAU6gAwIBAgIUARMEefRjuqrKwlK4ZcqDhPjGzecwCgYIKoZIzj0EAwIw
        GzEZMBcGA1UEAwwQY2hhdC5leGFtcGxlLm9yZzAeFw0yNjExMjcwMDQ2MjBaFw00
        NjExMjIwMDQ2MjBaMBsxGTAXBgNVBAMMEGNoYXQuZXhhbXBsZS5vcmcwWTATBgcq
        hkjOPQIBBggqhkjOPQMBBwNCAATnIrYkLvqZmWHnWzLg7VLoUwnO90k+QCba4Vfa
        202HnIIfrptC5MbkDauNqmHEuFVZyqdJr2Sk4I+ADpMUINoso3AwbjAdBgNVHQ4E
        FgQURIXV1uDlvtr9ojXFjl6xe0Ji8ZEwHwYDVR0jBBgwFoAURIXV1uDlvtr9ojXF
        jl6xe0Ji8ZEwDwYDVR0TAQH/BAUwAwEB/zAbBgNVHREEFDASghBjaGF0LmV4YW1w
        bGUub3JnMAoGCCqGSM49BAMCA0cAMEQCIBNh/zOjZPunzSjwW2PGeRfydREFq35s
        WZMVqqpvHjxHAiBeYkMCn5hmmBL5dw37WGkyLwF91fGRKw/81PMPW6DZGw==
        -----END CERTIFICATE-----
        """

    private static let keyPEM = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgUUOzBOuegKR3ANsy
        RjjR3BYWeRHGIMU/zgvoFuF2deqhRANCAATnIrYkLvqZmWHnWzLg7VLoUwnO90k+
        QCba4Vfa202HnIIfrptC5MbkDauNqmHEuFVZyqdJr2Sk4I+ADpMUINos
        -----END PRIVATE KEY-----
        """
}
