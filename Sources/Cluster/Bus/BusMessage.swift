package import Chat

/// What nodes tell each other over the bus. Between two nodes, messages stay in the order in which they were published.
package struct BusMessage: Sendable {
    package let from: NodeID
    /// Counts what the node has published on this channel, from 1.
    package let number: Int64
    package let content: Content

    package init(from: NodeID, number: Int64, _ content: Content) {
        self.from = from
        self.number = number
        self.content = content
    }

    package enum Content: Sendable {
        case heartbeat(Heartbeat)
        /// All interests of a node, in parts. With the first of them, what was known before is forgotten.
        case state([Interest], isFirst: Bool, isLast: Bool, interests: Int64)
        /// Interests that have changed.
        ///
        /// - Parameter interests: How many changes the node has told, with these.
        case interests([Interest], interests: Int64)
        /// What was committed.
        ///
        /// - Parameter known: To which nodes all is sent that they want, and by how many changes of their interests; the
        ///   greatest number where everything is sent.
        case batches([Batch], known: [NodeID: Int64])
        /// What is heard at once, and kept nowhere.
        case passing([Event])
        /// How many messages people have sent since the last time.
        case spent([Spending])
        /// Clients of Socket.IO, by what they name themselves with, that were the receiver's and have come to the sender.
        case returned([String])
        /// Clients of these people have come that can't ask for what they missed, and were given all that others of theirs
        /// may have missed until then.
        case arrived([UserID])
        /// The node stops.
        case farewell
        /// Of a later version.
        case unknown
    }

    /// That a node is there; published twice a second.
    package struct Heartbeat: Sendable {
        /// Where it takes what is forwarded to it: a host and a port.
        package let address: String
        /// The newest batch that it has heard of.
        package let batch: Int64
        /// How many changes of its interests it has told.
        package let interests: Int64
        /// Whose interests it knows, and how many changes of them it has heard.
        package let known: [NodeID: Int64]

        package init(address: String, batch: Int64, interests: Int64, known: [NodeID: Int64]) {
            self.address = address
            self.batch = batch
            self.interests = interests
            self.known = known
        }
    }

    /// Whom a node has seats for. The numbers are absolute, so that a repetition does no harm.
    package enum Interest: Hashable, Sendable {
        /// - Parameters:
        ///   - sessions: 0 for who may come back after a break, ``none`` for who is not here.
        ///   - chats: Those with direct messages: who has one is present.
        ///   - owed: Those that can't ask for what they missed.
        case person(UserID, sessions: Int, chats: Int, owed: Int)
        /// Up to which message all has certainly reached those that can't ask; `nil` where nothing is kept of that.
        case position(UserID, MessageID?)
        case college(CollegeID, Bool)
        /// Notifications for everybody.
        case everybody(Bool)
        case room(RoomName, Bool)
        case counter(users: Int)

        /// The number of sessions of somebody for whom nothing need be told.
        package static let none = -1
    }

    /// One transaction that something is to be heard of, among those of all nodes.
    package struct Batch: Sendable {
        package let number: Int64
        package let before: StorePosition
        package let after: StorePosition
        /// Those that the receiver has an interest in.
        package let events: [Event]

        package init(number: Int64, before: StorePosition, after: StorePosition, events: [Event]) {
            self.number = number
            self.before = before
            self.after = after
            self.events = events
        }
    }

    package struct Spending: Equatable, Sendable {
        package let user: UserID
        package let messages: Int

        package init(_ user: UserID, messages: Int) {
            self.user = user
            self.messages = messages
        }
    }
}
