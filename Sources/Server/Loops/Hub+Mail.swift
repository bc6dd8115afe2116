import Chat
import EventLoop
import WebSocket

/// What the other threads send, and who waits for some of it.
extension Hub {
    /// Whether there is mail in hand that was not delivered yet: what is missing here may be in it.
    var isBehind: Bool { !mail.isEmpty }

    /// How much mail is delivered before what it brings is written, and input has its turn.
    private static let slice = (pieces: 1024, bytes: 16 << 20)

    func readMail() -> Bool {
        if mail.isEmpty {
            exchange.noteProgress()
            inbox.drain(into: &mail)
            if mail.isEmpty { return false }
        }
        // Out of the hub, and each piece out of its place: none is copied.
        var batch: [Mail] = []
        swap(&batch, &mail)
        let end = min(batch.count, delivered + Self.slice.pieces)
        let most = loop.bytesWaiting + Self.slice.bytes
        repeat {
            var piece = Mail.committed(0)
            swap(&piece, &batch[delivered])
            delivered += 1
            take(piece)
        } while delivered < end && !loop.isTurnOver && loop.bytesWaiting < most
        if delivered == batch.count {
            delivered = 0
            batch.removeAll(keepingCapacity: batch.capacity < 4096)
        } else {
            loop.endTurnSoon()
        }
        swap(&batch, &mail)
        releaseHistories()
        resumeStalled()
        return true
    }

    private func take(_ piece: consuming Mail) {
        switch consume piece {
        case .event(let event): deliver(event)
        case .committed(let moment): meter.committed(at: moment)
        case .answer(let id, let answer, let ticket): carrier(id)?.session?.answer(answer, ticket)
        case .reply(let id, let reply): carrier(id)?.session?.reply(reply)
        case .typing(let id, let found, let destination): carrier(id)?.session?.foundReaders(found, of: destination)
        case .bulkSliceStored(let remaining): sendBulk(to: remaining)
        case .authenticated(let id, let authentication): authenticated(authentication, id)
        case .revoked(let revocation): heard(revocation)
        case .deleted(let user): forget(user)
        case .swept(let remaining): sweep(remaining)
        case .seated(let id, let seating): carrier(id)?.session?.seated(seating)
        case .moved(let moving): accept(moving)
        case .emitted(let emission): deliver(emission)
        case .replaced(let id): carrier(id)?.close(.goingAway, "The client came back on another connection")
        case .cluster(let mail): take(mail)
        }
    }

    private func take(_ mail: ClusterMail) {
        switch mail {
        case .reached(let position): reached(position)
        case .returned(let id, let returned): self.returned(returned, to: id)
        case .caughtUp(let id, let frames): (carrier(id) as? SocketIOClient)?.caughtUp(with: frames)
        case .membershipsMissed: lookForMemberships()
        case .expelled(let id, let conversations):
            if let session = carrier(id)?.session { for conversation in conversations { session.leave(conversation) } }
        case .recounted(let unread): recount(unread)
        }
    }

    /// Has a session called when all messages up to one were heard here: a reader may see what was committed before
    /// this loop hears of it.
    func waitForMessages(of id: ConnectionID) { awaitingMessages.append(id) }

    private func releaseHistories() {
        if awaitingMessages.isEmpty { return }
        var waiting: [ConnectionID] = []
        swap(&waiting, &awaitingMessages)
        for id in waiting { carrier(id)?.session?.releaseHistory() }
    }

    /// Has a session called when the store's queue has room.
    func waitForStore(_ id: ConnectionID) { awaitingStore.append(id) }

    /// Called with all mail, as most batches of the writer's bring some, and at the latest with the tick.
    func resumeStalled() {
        if awaitingStore.isEmpty { return }
        var waiting: [ConnectionID] = []
        swap(&waiting, &awaitingStore)
        var next = 0
        while next < waiting.count, writer.hasRoom {
            carrier(waiting[next])?.session?.storeHasRoom()
            next += 1
        }
        awaitingStore.insert(contentsOf: waiting[next...], at: 0)
    }
}
