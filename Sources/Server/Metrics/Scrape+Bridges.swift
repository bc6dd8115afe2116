import Cluster
import Metrics

// What comes from back ends; only where such are configured.

extension Exposition {
    mutating func write(bridges: BridgeCounts.Values, _ settings: Configuration) {
        if !settings.channels.isEmpty {
            family(
                "switchboard_channels_up", .gauge, "1, or 0 while the channel layer cannot be used.",
                value: UInt64(bridges.channelsProblem == nil ? 1 : 0))
            family(
                "switchboard_channels_groups", .gauge, "Groups of the channel layer that this server is in.",
                value: UInt64(bridges.groups))
            family("switchboard_channels_messages_total", .counter, "What came from the channel layer.") { family in
                for type in ["notify", "send_notification", "chat_message", "counter_update"] {
                    family.sample(bridges.messages[type] ?? 0, ("type", type))
                }
            }
            family("switchboard_channels_dropped_total", .counter, "What came from it and was dropped.") { family in
                for reason in ChannelMessage.Drop.allCases {
                    family.sample(bridges.drops[reason] ?? 0, ("reason", reason.rawValue))
                }
            }
            family(
                "switchboard_channels_full_total", .counter,
                "How often as many messages waited as may, so that their senders may have dropped more.",
                value: bridges.timesFull)
        }
        if settings.emitters != nil {
            family(
                "switchboard_emitters_up", .gauge, "1, or 0 while the emitters of Socket.IO cannot be heard.",
                value: UInt64(bridges.emittersProblem == nil ? 1 : 0))
            family(
                "switchboard_emitters_messages_total", .counter, "What emitters of Socket.IO asked for.",
                value: bridges.emissions)
            family("switchboard_emitters_dropped_total", .counter, "What came from emitters and was dropped.") {
                family in
                for reason in Emission.Drop.allCases {
                    family.sample(bridges.emissionDrops[reason] ?? 0, ("reason", reason.rawValue))
                }
            }
        }
    }
}
