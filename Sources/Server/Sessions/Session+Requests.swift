import Chat
import Dialects
import EventLoop
import JSON

// What the client asks for.

extension Session {
    /// Whether a text message that has come is looked at; a client that sends too many is told so.
    func admits() -> Bool {
        let dialect = name.dialect
        if dialect.reads(from: seat.kind) {
            if !dialect.limitsRate || takeToken() { return true }
            refuse(.tooFast)
        }
        hub.meter.received(name)
        return false
    }

    /// Takes a text message that was admitted.
    func received(_ text: Span<UInt8>) {
        let frame = try? hub.parser.parse(text)
        if !rivals.isEmpty { settle(by: frame) }
        hub.meter.received(name)
        guard let frame else { return refuse(.notJSON) }
        if frame.isObject { carryOut(frame) } else { refuse(.unknownFormat) }
    }

    /// Takes a binary message, which no dialect has.
    func receivedBinary() {
        hub.meter.received(name)
        if name.dialect.reads(from: seat.kind) { refuse(.notJSON) }
    }

    /// Takes an event of Socket.IO.
    ///
    /// - Parameter acknowledgement: The number of the acknowledgement that the client asks for.
    func received(event: JSONValue, acknowledgement: UInt64?) {
        hub.meter.received(name)
        carryOut(event, acknowledgement: acknowledgement)
    }

    /// Takes what the dialect reads.
    ///
    /// - Parameter acknowledgement: As above.
    private func carryOut(_ frame: JSONValue, acknowledgement: UInt64? = nil) {
        do throws(Refusal) {
            carryOut(try name.dialect.decode(frame, from: seat.kind), acknowledgement)
        } catch {
            refuse(error, Ticket(acknowledgement: acknowledgement))
        }
    }

    /// The client's first frame shows which dialect it speaks, or leaves it as it is.
    private func settle(by frame: JSONValue?) {
        if let frame, frame.isObject, let right = rivals.first(where: { $0.dialect.recognizes(frame) }) {
            hub.meter.disconnected(name)
            hub.meter.connected(right)
            name = right
        }
        rivals = []
        if feed == .sending, !name.dialect.wantsBacklog { askForBacklog() }
        guard account.settle(isWanted: name.dialect.wantsBacklog) else { return }
        if name.dialect.wantsBacklog { askForBacklog() } else { note() }
    }

    private func takeToken() -> Bool { bucket.take(Self.rate(of: name, on: hub), at: hub.milliseconds) }

    private func carryOut(_ command: Command, _ acknowledgement: UInt64?) {
        var ticket = Ticket(acknowledgement: acknowledgement)
        if case .typing(_, let starts, _) = command {
            // Surplus signs tell nobody anything, but the end of what was told does.
            guard takeToken() || !starts && isTyping else {
                return acknowledgement == nil ? () : refuse(.tooFast, ticket)
            }
            isTyping = starts
        } else if let usage, hub.people.take(hub.settings.messageRate, by: usage, at: hub.microseconds) > 0 {
            if case .send = command { ticket.isMessage = true }
            return refuse(.personTooFast, ticket)
        }
        if case .send(_, let destination) = command {
            ticket.isMessage = true
            if let sign = typing.end(for: destination) { take(Requests.Decided(.publish(.typing(sign)))) }
        }
        let decision = hub.chat.decide(command, from: seat, at: .now)
        if case .store = decision { ticket.receivedAt = UInt32(truncatingIfNeeded: hub.loop.microseconds) }
        take(Requests.Decided(decision, ticket))
    }

    /// Carries out what was decided, when its turn has come.
    func take(_ request: Requests.Decided) {
        if requests.take(request, mayLook: mayLook) { carryOut(request) }
        goOn()
    }

    /// There is room in the store's queue again.
    func storeHasRoom() {
        requests.resume()
        goOn()
    }

    /// There was none for too long: what waits for it was not stored, and its sender is told so.
    func giveUpWaiting() {
        storeDeadline = .max
        requests.giveUp()
        goOn()
    }

    /// Whether the client has read most of what it was sent, so that there is room for a long answer.
    private var mayLook: Bool { carrier.queuedBytes <= hub.settings.sendQueue / 8 }

    /// Carries out what waits and may go on.
    func goOn() {
        if !mayGoOn { return }
        while let next = requests.next(mayLook: mayLook) { carryOut(next) }
        if requests.isWaiting, !mayLook { carrier.tellWhenDrained() }
        if requests.isFull != isPaused {
            isPaused.toggle()
            carrier.pauseReading(isPaused)
        }
    }

    private func carryOut(_ request: Requests.Decided) {
        let ticket = request.ticket
        switch request.decision {
        case .store(let change):
            if !hub.writer.submit(.change(change, .connection(carrier.id, ticket))) {
                // Its client is not read from until there is.
                requests.stall(request)
                hub.waitForStore(carrier.id)
                if storeDeadline == .max { storeDeadline = hub.wheel.now + hub.ticks.storePatience }
                carrier.updateDeadline()
            } else if storeDeadline != .max {
                storeDeadline = .max
            }
        case .publish(let event):
            if hub.exchange.offer(event) {
                if ticket.acknowledgement != nil { tell(.done, ticket) }
            } else {
                requests.prepend(Requests.Decided(.refuse(.tooFast), ticket))
            }
        case .type(let destination, let isTyping, let writer, let addressee):
            hub.findReaders(
                of: destination, isTyping: isTyping, by: writer, addressee: addressee, for: carrier.id)
        case .look(let query, let user):
            if case .messages = query { held = HeldFrames() }
            hub.look(query, as: user, in: name, for: carrier.id)
        case .leave(let conversation):
            leave(conversation)
            tell(.done, ticket)
        case .refuse(let refusal): tell(.refused(refusal), ticket)
        }
    }

    /// Whether the client has all the answers to what it sent.
    var isAnswered: Bool { requests.isEmpty && held == nil }

    private func refuse(_ refusal: Refusal, _ ticket: Ticket = Ticket()) {
        take(Requests.Decided(.refuse(refusal), ticket))
    }

    // MARK: - Typing

    /// Tells those of it who hear that the client's person types.
    func foundReaders(_ found: Result<TypingSign, Refusal>, of destination: Destination) {
        let ticket = requests.lookEnded()
        switch found {
        case .success(let sign):
            if !name.dialect.stopsTyping { typing.note(sign, for: destination, at: hub.wheel.now) }
            carrier.updateDeadline()
            carryOut(Requests.Decided(.publish(.typing(sign)), ticket))
        case .failure(let refusal):
            carryOut(Requests.Decided(.refuse(refusal), ticket))
        }
        goOn()
    }

    /// The person has sent a message, maybe from elsewhere.
    func hasSent(_ message: Message) {
        if typing.isEmpty { return }
        for sign in typing.end(with: message) {
            take(Requests.Decided(.publish(.typing(sign))))
        }
    }
}
