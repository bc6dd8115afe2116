import EventLoop
import Synchronization
import TLS

/// The certificates that new connections are shown. They can be read again while the server runs; connections that are
/// open go on with what they began with.
package final class Certificates: Sendable {
    private let log: Log
    private let current: Mutex<TLSContext>

    /// Reads the files that are set.
    ///
    /// - Returns: `nil` where none are: the server speaks no TLS then.
    package static func load(_ settings: Configuration, log: Log) throws(ConfigurationError) -> Certificates? {
        if settings.tlsCertificates.isEmpty, settings.tlsKeys.isEmpty { return nil }
        return Certificates(try read(settings, log), log)
    }

    private init(_ context: TLSContext, _ log: Log) {
        self.log = log
        current = Mutex(context)
    }

    /// For a connection that begins now.
    var context: TLSContext { current.withLock { $0 } }

    /// Reads the files that are set now, to be put to ``use(_:)``.
    func readAgain(_ settings: Configuration) throws(ConfigurationError) -> TLSContext { try Self.read(settings, log) }

    func use(_ context: TLSContext) { current.withLock { $0 = context } }

    private static func read(_ settings: Configuration, _ log: Log) throws(ConfigurationError) -> TLSContext {
        let (paths, keys) = (settings.tlsCertificates, settings.tlsKeys)
        guard paths.count == keys.count else {
            throw ConfigurationError(
                "tls_certificate and tls_key: there are \(paths.count) and \(keys.count); each certificate needs its key, "
                    + "in the same order")
        }
        var certificates: [TLSCertificate] = []
        for (path, key) in zip(paths, keys) {
            do throws(TLSFileError) {
                let certificate = try TLSCertificate(certificate: path, key: key)
                if certificate.daysLeft < 0 { log.warning("a certificate has expired", ["file": path]) }
                certificates.append(certificate)
            } catch {
                throw ConfigurationError("\(error.path == key ? "tls_key" : "tls_certificate"): \(error)")
            }
            if FileStamp(ofFileAt: key)?.isReadableByEverybody == true {
                log.warning("every user of this machine can read a private key", ["file": key])
            }
        }
        return TLSContext(certificates)
    }
}
