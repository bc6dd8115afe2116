package import Synchronization

/// What bridges count on their thread and others read, for the metrics and for readiness.
package final class BridgeCounts: Sendable {
    package struct Values: Sendable {
        /// What came of a Django project, by the names of its types that are known.
        package var messages: [String: UInt64] = [:]
        package var drops: [ChannelMessage.Drop: UInt64] = [:]
        /// How often as many messages waited as may, so that senders may have dropped more.
        package var timesFull: UInt64 = 0
        /// Groups that this node is in.
        package var groups = 0
        package var emissions: UInt64 = 0
        package var emissionDrops: [Emission.Drop: UInt64] = [:]
        /// Why a bridge does not work at the moment, if so.
        package var channelsProblem: String?
        package var emittersProblem: String?
    }

    package let values = Mutex(Values())

    package init() {}

    /// In a sentence.
    package var problem: String? {
        values.withLock { values in
            values.channelsProblem.map { "The channel layer cannot be used: \($0)" }
                ?? values.emittersProblem.map { "The emitters cannot be heard: \($0)" }
        }
    }
}

/// What a bridge has to say, for the log.
package enum BridgeReport: Sendable {
    case channelsLost(reason: String), channelsHealed
    case emittersLost(reason: String), emittersHealed
    case messageDropped(ChannelMessage.Drop, group: String?)
    /// Its sender's layer may have dropped others.
    case channelFull(capacity: Int)
    case emissionDropped(Emission.Drop)
    /// At the end: what was read and could not be stored any more.
    case messagesLeft(Int)
}
