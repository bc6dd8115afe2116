import Chat
import JSON

/// A message as a Django channel layer puts it into a channel: random bytes that make it unique, and then MessagePack,
/// sealed or not.
package struct ChannelMessage: Sendable {
    /// What is behind the "!" of each channel that it is for.
    package let addressees: [String]
    /// The name of the handler that a Django consumer would have for it: `chat.message` and `chat_message` are the same.
    package let type: String
    package let content: PackedValue

    package static let randomPrefix = 12

    /// Why a message is dropped; each is counted.
    package enum Drop: String, Error, CaseIterable, Sendable {
        /// No MessagePack, or nothing that the layer or a message of its type looks like.
        case malformed
        /// More bytes than `max_message`, or more in a text than `max_text`.
        case tooLong = "too_long"
        /// Sealed with none of the keys, or not sealed where it should be.
        case sealed
        /// For a channel that is in no group any more.
        case unknownGroup = "unknown_group"
        /// Nothing that Switchboard has an event for, or not in a group of this kind.
        case unknownType = "unknown_type"
        /// The store does not take it, such as for a person who was deleted.
        case refused
        /// The loops are so far behind with other events that this one, which nobody stores, is left out.
        case behind
    }

    /// - Parameter bytes: A member of the channel's sorted set.
    init(_ bytes: [UInt8], _ settings: ChannelSettings, _ seal: Fernet?, at now: Timestamp) throws(Drop) {
        if bytes.count > settings.maximumMessage { throw .tooLong }
        var packed = Array(bytes.dropFirst(Self.randomPrefix))
        if let seal {
            guard let opened = seal.open(packed[...], at: now) else { throw .sealed }
            packed = opened
        } else if packed.starts(with: Array("gAAAAA".utf8)) {
            // How every token of Fernet begins in this century.
            throw .sealed
        }
        guard let content = try? MessagePack.decode(packed), let type = content["type"]?.string else {
            throw .malformed
        }
        let channels: [String]
        switch content["__asgi_channel__"] {
        case .string(let channel): channels = [channel]
        case .array(let list) where list.allSatisfy({ $0.string != nil }): channels = list.compactMap(\.string)
        default: throw .malformed
        }
        addressees = channels.compactMap { channel in
            channel.firstIndex(of: "!").map { String(channel[channel.index(after: $0)...]) }
        }
        self.type = String(type.map { $0 == "." ? "_" : $0 })
        self.content = content
    }

    /// What all that are sent the same message have in common, in 32 bytes: its content without the addressees, and when
    /// it was sent.
    func fingerprint(sentAt score: [UInt8]) -> [UInt8] {
        guard case .map(let members) = content else { return Digest.sha256(score) }
        var json = JSONWriter(behind: score)
        json.append(PackedValue.map(members.filter { $0.key != "__asgi_channel__" }))
        return Digest.sha256(json.finish())
    }
}
