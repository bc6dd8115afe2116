/// What nodes tell each other, as bytes: a MAC of 16 bytes, and an array of MessagePack: the version, who sent it, its
/// number, its kind, and what belongs to that.
///
/// Nodes of several versions may be in one cluster. What a later one appends to an array is ignored; a kind of message,
/// of event or of interest that is new is left out. Whatever else changes needs another ``version``.
///
/// For one thread at a time.
package struct BusCodec {
    /// The first element of each message.
    static let version: Int64 = 1

    private let authenticator: MessageAuthenticator

    package enum Malformed: Error, Equatable {
        /// Written by nobody who has the key, or for another channel, or changed since.
        case foreign
        /// Of a version whose messages are written another way.
        case version(Int64)
        case undecodable
    }

    /// - Parameter key: 32 random bytes that all nodes of a cluster share, and nobody else knows.
    package init(key: [UInt8]) { authenticator = MessageAuthenticator(key: key) }

    /// - Parameter channel: Where it is to be published: elsewhere it is foreign.
    /// - Complexity: O(*n*) in the bytes. Events that do not cross (``Chat/Event/crosses``) are left out.
    package func encode(_ message: BusMessage, for channel: String) -> [UInt8] {
        var writer = MessagePackWriter(
            behind: [UInt8](repeating: 0, count: MessageAuthenticator.length), reserving: message.content.expectedBytes)
        writer.append(message)
        authenticator.seal(&writer.bytes, for: channel)
        return writer.bytes
    }

    /// - Parameter channel: Where it was published.
    /// - Complexity: O(*n*) in the bytes, of time and of memory.
    package func decode(_ bytes: [UInt8], from channel: String) throws(Malformed) -> BusMessage {
        guard authenticator.isSealed(bytes, for: channel) else { throw .foreign }
        return try Self.unpack(bytes, from: MessageAuthenticator.length)
    }

    /// Reads what follows the MAC.
    static func unpack(_ bytes: [UInt8], from start: Int) throws(Malformed) -> BusMessage {
        var reader = MessagePackReader(bytes, from: start)
        let count, version: Int64
        do throws(MessagePack.Malformed) {
            count = Int64(try reader.array())
            version = try reader.integer()
        } catch {
            throw .undecodable
        }
        guard version == Self.version else { throw .version(version) }
        do throws(MessagePack.Malformed) {
            return try reader.message(Int(count) - 1)
        } catch {
            throw .undecodable
        }
    }
}
