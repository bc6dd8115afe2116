import Chat
import Testing

@testable import Cluster

/// Whom a node has seats for, and who has to be told what.
@Suite struct PeersTests {
    private let here = NodeID.random(), there = NodeID.random()
    private let alice = User(id: UserID(1), username: "alice", name: "Alice", college: CollegeID(5))
    private let bob = User(id: UserID(2), username: "bob", name: "Bob", college: nil)

    private func message(to recipients: UserID...) -> Event {
        .message(
            Message(
                id: MessageID(1), conversation: ConversationID(1), sender: alice, text: "hi",
                sentAt: Timestamp(microseconds: 0), for: Recipients(recipients)))
    }

    private func notification(for audience: Audience) -> Event {
        .notification(
            Notification(
                id: NotificationID(1), audience: audience, content: NotificationContent(title: "a", message: "b"),
                sentAt: Timestamp(microseconds: 0)))
    }

    /// A node that has heard of a seat.
    private func peer(_ seats: Seat..., id: NodeID? = nil) -> Peer {
        var interests = Interests()
        for seat in seats { interests.sits(on: seat) }
        var peer = Peer(id ?? there, at: 0)
        peer.take(interests.all, isFirst: true, isLast: true, interests: 0)
        return peer
    }

    @Test("events go to where somebody may hear them")
    func interests() {
        let chats = peer(.chat(bob, backlog: .unneeded))
        #expect(chats.wants(message(to: bob.id)))
        #expect(!chats.wants(message(to: UserID(3))))
        #expect(peer(.chat(alice, backlog: .unneeded)).wants(message(to: bob.id)), "the sender has other clients")
        #expect(!chats.wants(notification(for: .everybody)))
        let listens = peer(.notifications(alice))
        #expect(listens.wants(notification(for: .everybody)))
        #expect(listens.wants(notification(for: .college(CollegeID(5)))))
        #expect(!listens.wants(notification(for: .college(CollegeID(6)))))
        #expect(listens.wants(notification(for: .person(alice.id))))
        #expect(!listens.wants(.counter(.reset, total: 0, at: Timestamp(microseconds: 0))))
        #expect(peer(.counter).wants(.counter(.reset, total: 0, at: Timestamp(microseconds: 0))))
        let room = RoomName("a")!
        #expect(peer(.room(room)).wants(.room(room, .joined, except: nil)))
        #expect(!listens.wants(.room(room, .joined, except: nil)))
    }

    @Test("a node of which nothing is known is told everything")
    func unknown() {
        let peer = Peer(there, at: 0)
        #expect(peer.wants(message(to: bob.id)))
        #expect(!peer.wants(.counterUsers(3)), "but what does not cross")
    }

    @Test("a node whose message is missing is not known any more, and what is said again is known")
    func missing() {
        var peer = peer(.counter)
        let places = [(5, false), (6, false), (1, true), (6, false)].map { peer.place(of: $0, onOwnChannel: $1) }
        #expect(places == [.next, .next, .next, .old])
        #expect(peer.interests == 0)
        let later = peer.place(of: 8, onOwnChannel: false)
        #expect(later == .behindGap)
        #expect(peer.interests == nil)
    }

    @Test("what is heard again of a node that is gone is old")
    func departed() {
        var peers = Peers()
        peers.add(there, at: 0)
        _ = peers[there]?.place(of: 5, onOwnChannel: false)
        _ = peers.remove(there, mayReturnUntil: 0)
        peers.add(there, at: 1)
        #expect(peers[there]?.place(of: 5, onOwnChannel: false) == .old)
    }

    @Test("changes count from what is known, and others mean that something is missing")
    func changes() {
        var peer = peer()
        let fits = peer.take([.person(bob.id, sessions: 1, chats: 1, owed: 1)], interests: 1)
        #expect(fits)
        #expect(peer.wants(message(to: bob.id)))
        let fitsToo = peer.take([.person(bob.id, sessions: BusMessage.Interest.none, chats: 0, owed: 0)], interests: 2)
        #expect(fitsToo)
        #expect(!peer.wants(message(to: bob.id)))
        let fitsStill = peer.take([.counter(users: 3)], interests: 5)
        #expect(!fitsStill)
        #expect(peer.interests == nil)
    }

    @Test("changes are told once, and whether something in them is new")
    func takeChanges() {
        var interests = Interests()
        interests.sits(on: .chat(bob, backlog: .wanted))
        let first = interests.takeChanges()
        #expect(first.changes == [.person(bob.id, sessions: 1, chats: 1, owed: 1)])
        #expect(first.isWider)
        let again = interests.takeChanges().changes
        #expect(again.isEmpty)
        interests.sits(on: .chat(bob, backlog: .wanted))
        let second = interests.takeChanges()
        #expect(second.changes == [.person(bob.id, sessions: 2, chats: 2, owed: 2)])
        #expect(!second.isWider)
        interests.leaves(.chat(bob, backlog: .wanted), mayReturnUntil: nil)
        interests.leaves(.chat(bob, backlog: .wanted), mayReturnUntil: nil)
        let last = interests.takeChanges().changes
        #expect(last == [.person(bob.id, sessions: BusMessage.Interest.none, chats: 0, owed: 0)])
    }

    @Test("for who may come back, events are heard for a while")
    func returning() {
        var interests = Interests()
        interests.sits(on: .person(bob))
        interests.leaves(.person(bob), mayReturnUntil: 100)
        let left = interests.takeChanges().changes
        #expect(left.contains(.person(bob.id, sessions: 0, chats: 0, owed: 0)))
        interests.tidy(at: 99)
        let early = interests.takeChanges().changes
        #expect(early.isEmpty)
        interests.tidy(at: 100)
        let late = interests.takeChanges().changes
        #expect(
            Set(late) == [.everybody(false), .person(bob.id, sessions: BusMessage.Interest.none, chats: 0, owed: 0)])
    }

    @Test("what all nodes want alike is published once, else to each its own")
    func parts() {
        var peers = Peers()
        let other = NodeID.random()
        peers[there] = peer(.chat(bob, backlog: .unneeded))
        peers[other] = peer(.chat(bob, backlog: .unneeded), id: other)
        func batch(_ events: Event...) -> BusMessage.Batch {
            let position = StorePosition(message: MessageID(0), notification: NotificationID(0))
            return BusMessage.Batch(number: 1, before: position, after: position, events: events)
        }
        var parts = peers.parts(of: [batch(message(to: bob.id), message(to: UserID(3)))])
        #expect(parts.count == 1)
        #expect(parts[0].to == nil)
        #expect(parts[0].batches[0].events.count == 1, "what nobody wants does not cross")
        peers[other] = peer(id: other)
        parts = peers.parts(of: [batch(message(to: bob.id))])
        #expect(parts.count == 2, "each is told of the batch")
        #expect(parts.first { $0.to == there }?.batches[0].events.count == 1)
        #expect(parts.first { $0.to == other }?.batches[0].events.isEmpty == true)
        #expect(
            peers.parts(of: [Event.typing(TypingSign(writer: alice.id, readers: [bob.id], conversation: nil))]).count
                == 1)
    }

    @Test("how far somebody has got elsewhere is the least of all nodes, also of those that are gone")
    func positions() {
        var peers = Peers()
        #expect(peers.presence(of: bob.id).position == nil)
        peers[there] = peer(.chat(bob, backlog: .wanted))
        #expect(peers.presence(of: bob.id).position == MessageID(0), "it has not said")
        _ = peers[there]?.take([.position(bob.id, MessageID(7))], interests: 1)
        #expect(peers.presence(of: bob.id).position == MessageID(7))
        _ = peers.remove(there, mayReturnUntil: 100)
        #expect(peers.presence(of: bob.id).position == MessageID(7))
        #expect(peers.presence(of: bob.id).chats == 0)
        let early = peers.tidy(at: 99)
        #expect(early.isEmpty)
        let late = peers.tidy(at: 100)
        #expect(late == [bob.id])
        #expect(peers.presence(of: bob.id).position == nil)
    }

    @Test("what a node had told that is gone is settled by whoever comes behind it")
    func settled() {
        var peers = Peers()
        peers[there] = peer(.chat(bob, backlog: .wanted), .chat(alice, backlog: .wanted))
        _ = peers.remove(there, mayReturnUntil: 100)
        peers.settle(bob.id)
        #expect(peers.presence(of: bob.id).position == nil)
        #expect(peers.presence(of: alice.id).position == MessageID(0))
    }

    @Test("for somebody who can ask for what they missed, nobody has to wait")
    func askers() {
        var peers = Peers()
        peers[there] = peer(.chat(bob, backlog: .unneeded))
        #expect(peers.presence(of: bob.id).position == nil)
        #expect(peers.presence(of: bob.id).chats == 1)
    }
}
