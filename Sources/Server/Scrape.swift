import Dialects
import Metrics

/// Where all that `/metrics` shows is asked for. docs/METRICS.md explains it.
struct Scrape: Sendable {
    let shards: [Shard]
    /// What is refused where no loop counts it.
    let refusals: SharedRefusals
    let admissions: Admissions

    /// Everything, in the text format of Prometheus.
    func text() async -> [UInt8] {
        var loops = LoopCounts()
        for shard in shards { loops.add(await shard.counts) }
        loops.refusals.add(refusals.tally)
        var text = Exposition()
        text.family(
            "switchboard_build_info", .gauge, "The version that runs; always 1."
        ) { $0.sample(1 as UInt64, ("version", Build.version)) }
        text.write(clients: loops)
        text.family(
            "switchboard_sockets", .gauge, "Connections over TCP, whatever they are for.",
            value: UInt64(max(0, admissions.connectionCount)))
        return text.bytes
    }
}

extension Exposition {
    fileprivate mutating func write(clients: LoopCounts) {
        family(
            "switchboard_connections", .gauge, "Clients that have their seat or wait for it.", by: clients.connections)
        family("switchboard_handshakes_total", .counter, "Clients that got their seat.", by: clients.handshakes)
        family("switchboard_refusals_total", .counter, "What clients were refused, by reason.") { family in
            for reason in RefusalReason.allCases {
                family.sample(clients.refusals[reason], ("reason", reason.label))
            }
        }
        family(
            "switchboard_held_back_total", .counter,
            "What was merged or left out for receivers that were behind with reading.", value: clients.heldBack)
    }

    private mutating func family(
        _ name: StaticString, _ kind: Kind, _ help: StaticString, by tally: Tally<DialectName>
    ) {
        family(name, kind, help) { family in
            for dialect in DialectName.allCases { family.sample(tally[dialect], ("dialect", dialect.text)) }
        }
    }
}
