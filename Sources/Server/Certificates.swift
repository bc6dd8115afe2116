import EventLoop
import Synchronization
import TLS

/// The certificates that new connections are shown. They can be read again while the server runs; connections that are
/// open go on with what they began with.
package final class Certificates: Sendable {
    private let files: [(certificate: String, key: String)]
    private let log: Log
    private let current: Mutex<TLSContext>

    /// Reads the files that are set.
    ///
    /// - Returns: `nil` where none are: the server speaks no TLS then.
    package static func load(_ settings: Configuration, log: Log) throws(ConfigurationError) -> Certificates? {
        let (certificates, keys) = (settings.tlsCertificates, settings.tlsKeys)
        guard certificates.count == keys.count else {
            throw ConfigurationError(
                "tls_certificate and tls_key: there are \(certificates.count) and \(keys.count); each certificate needs "
                    + "its key, in the same order")
        }
        if certificates.isEmpty { return nil }
        let files = zip(certificates, keys).map { (certificate: $0, key: $1) }
        return Certificates(files, try read(files, log), log)
    }

    private init(_ files: [(certificate: String, key: String)], _ context: TLSContext, _ log: Log) {
        self.files = files
        self.log = log
        current = Mutex(context)
    }

    /// For a connection that begins now.
    var context: TLSContext { current.withLock { $0 } }

    /// Reads the files again. If one is no good, all stay as they were.
    func reload() {
        do {
            let context = try Self.read(files, log)
            current.withLock { $0 = context }
            log.info("certificates were read again", ["count": "\(files.count)"])
        } catch {
            log.error(
                "certificates could not be read again, those in use stay", ["reason": error.description])
        }
    }

    private static func read(
        _ files: [(certificate: String, key: String)], _ log: Log
    ) throws(ConfigurationError) -> TLSContext {
        var certificates: [TLSCertificate] = []
        for (path, key) in files {
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
