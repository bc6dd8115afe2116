import Cluster
import Metrics

// What goes between the nodes of a cluster; only where there is one.

extension Exposition {
    mutating func write(bus: BusCounts.Values) {
        family(
            "switchboard_bus_up", .gauge, "1, or 0 while the other nodes are not heard.",
            value: UInt64(bus.problem == nil ? 1 : 0))
        family(
            "switchboard_bus_nodes", .gauge, "Nodes of the cluster that are heard, with this one.",
            value: UInt64(bus.nodes))
        family("switchboard_bus_published_total", .counter, "Messages to other nodes.", value: bus.published)
        family("switchboard_bus_received_total", .counter, "Messages of other nodes.", value: bus.received)
        family("switchboard_bus_dropped_total", .counter, "Messages on the bus that were dropped.") { family in
            for reason in BusCounts.Drop.allCases { family.sample(bus.drops[reason] ?? 0, ("reason", reason.rawValue)) }
        }
        family(
            "switchboard_bus_batches_total", .counter, "Transactions of other nodes that were heard of.",
            value: bus.batches)
        family(
            "switchboard_bus_fills_total", .counter, "How often what was not heard was read from the store.",
            value: bus.fills)
        family(
            "switchboard_bus_filled_total", .counter, "Messages and notifications that were read then.",
            value: bus.filled)
        family(
            "switchboard_bus_lag", .gauge, "Transactions that are known of and not delivered yet.",
            value: UInt64(max(0, bus.lag)))
    }
}
