package import Synchronization

/// What the bus counts on its thread and others read, for the metrics and for readiness.
package final class BusCounts: Sendable {
    /// Why a message was dropped.
    package enum Drop: String, CaseIterable, Sendable {
        /// Not from a node of this cluster.
        case foreign
        /// It was there before.
        case repeated
        case malformed
        /// Of a version that this one does not understand.
        case version
        /// The loops of this node are too far behind.
        case behind
    }

    package struct Values: Sendable {
        package var published: UInt64 = 0
        /// From other nodes.
        package var received: UInt64 = 0
        package var drops: [Drop: UInt64] = [:]
        /// Batches of others that came over the bus, and how often what did not come was read from the store.
        package var batches: UInt64 = 0
        package var fills: UInt64 = 0
        /// Messages and notifications that were read from it for somebody here.
        package var filled: UInt64 = 0
        /// Batches that are known of and not delivered.
        package var lag: Int64 = 0
        /// With this one.
        package var nodes = 1
        /// Why the bus does not work at the moment, if so.
        package var problem: String?
    }

    package let values = Mutex(Values())

    package init() {}

    /// In a sentence.
    package var problem: String? { values.withLock { $0.problem.map { "The bus cannot be used: \($0)" } } }
}
