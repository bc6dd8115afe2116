/// The number by which the store knows a subject; ids of one kind only grow.
///
/// Public, as what is generic and used in other modules is specialized only then.
public struct ID<Subject>: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: Int64

    @inlinable public init(_ rawValue: Int64) { self.rawValue = rawValue }

    @inlinable public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    public var description: String { String(rawValue) }
}

package typealias UserID = ID<User>
package typealias ConversationID = ID<Conversation>
package typealias MessageID = ID<Message>
package typealias NotificationID = ID<Notification>
package typealias NoticeID = ID<Notice>
package typealias TokenID = ID<OpaqueToken>
package typealias BulkMessageID = ID<BulkMessage>

/// A group of people who are addressed together, by the number that the deployment gave it.
package struct CollegeID: Hashable, Sendable {
    package let rawValue: Int64

    package init(_ rawValue: Int64) { self.rawValue = rawValue }
}

/// One live connection: the shard that owns it, its place there, and which of the place's owners it is, so that a
/// late answer never reaches the next one.
package struct ConnectionID: Hashable, Sendable {
    package let shard: UInt16
    package let generation: UInt16
    package let slot: UInt32

    package init(shard: UInt16, slot: UInt32, generation: UInt16) {
        self.shard = shard
        self.slot = slot
        self.generation = generation
    }
}
