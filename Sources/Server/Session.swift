import Chat
import Dialects
import EventLoop
import JSON
import Storage
import WebSocket

/// What a carrier is once everybody knows whose it is: one seat, in one dialect.
final class Session {
    struct Subscription {
        let topic: Topic
        let subscribers: Subscribers
        var place: Int
    }

    let seat: Seat
    private(set) var name: DialectName
    var subscriptions: [Subscription] = []

    let carrier: Carrier
    let hub: Hub
    /// What its person uses in all, where it has one.
    private let usage: Usage?
    private let rate: TokenBucket.Limit
    private var bucket: TokenBucket
    /// More signs of typing than this tell nobody anything; the surplus is dropped.
    private static let typingRate = TokenBucket.Limit(rate: 5, burst: 20)
    /// Other dialects of the path, until the client's first frame has shown which it is (INTEROP.md).
    private var rivals: [DialectName]
    /// How long a message may be that was compressed once for everybody; 0 where it takes none.
    let sharedCompression: Int
    private var requests = Requests()
    /// While a history is looked up: what is heard meanwhile.
    private var held: HeldFrames?
    private var typing = Typing()
    /// The conversations whose rooms it is in.
    private var joined: Set<ConversationID> = []
    /// How many notifications the person has not read.
    private var unread = 0

    private var account = DeliveryAccount()
    private var feed = Feed.live
    private var isNoted = false
    /// Whether the client may come back for what it missed, unless it says goodbye.
    private var isBroken = true
    /// Whether the client is not read from, as it has to wait for the answers to what it asked.
    private(set) var isPaused = false

    /// Where a connection stands with what its person was owed.
    private enum Feed {
        /// A part is on its way to the client; the next is asked for when it has left.
        case sending
        /// The writer is asked.
        case asking
        /// All has been sent. Until then, messages are left to the next part.
        case live
    }

    /// What is of the moment, while the client is behind with reading.
    var heldBack: Arrears?
    /// The tick until which something waits for room in the store's queue.
    private var storeDeadline: UInt32 = .max
    /// The tick by which a history that was found is sent in any case.
    private var historyDeadline: UInt32 = .max
    /// Whether the last sign of typing that counted was one of a start.
    private var isTyping = false

    /// By whom it was opened; `nil` where that was nobody in particular.
    let holder: Holder?
    private let expiresAt: UInt32?

    /// - Parameters:
    ///   - rivals: What else the client may turn out to speak.
    ///   - holder: By whom and by which token this was opened.
    ///   - usage: Of its person, who has entered there.
    ///   - expiresAt: The tick at which that token expires.
    init(
        _ seat: Seat, _ name: DialectName, rivals: [DialectName] = [], on carrier: Carrier, of hub: Hub,
        holder: Holder?, usage: Usage?, expiresAt: UInt32?
    ) {
        self.seat = seat
        self.name = name
        self.rivals = rivals
        self.carrier = carrier
        self.hub = hub
        self.holder = holder
        self.usage = usage
        self.expiresAt = expiresAt
        sharedCompression = carrier.sharedCompression
        rate = name.dialect.limitsRate ? hub.settings.roomsRate : Self.typingRate
        bucket = TokenBucket(rate, at: hub.milliseconds)
    }

    /// Takes the seat: at once where only this server knows of it, else once the writer has.
    func takeSeat() {
        hub.meter.connected(name)
        switch seat {
        case .room(let room):
            begin()
            hub.subscribe(self, to: .room(room))
            hub.exchange.publish(.room(room, .joined, except: carrier.id))
            carrier.begin()
        case .notifications(nil):
            begin()
            hub.subscribe(self, to: .everybodysNotifications)
            welcome(.notifications(at: .now))
            carrier.begin()
        case .chat, .person, .notifications, .counter:
            hub.writer.submitAnyway(.takeSeat(seat, carrier.id))
        }
    }

    /// The client hears that it is let in.
    private func begin() {
        hub.meter.seated(name)
        carrier.seated()
    }

    /// The connection is gone.
    func closed() {
        hub.meter.disconnected(name)
        switch seat {
        case .room(let room):
            hub.exchange.publish(.room(room, .left, except: carrier.id))
        case .notifications(nil):
            break
        case .chat, .person, .notifications, .counter:
            // What was read counts, also behind what was not answered yet, and where the store's queue is full: who
            // connects again is seated behind it, so that a connection leaves what it may have waiting, and no more.
            for change in requests.takeChanges() {
                hub.writer.submitAnyway(.change(change, .connection(carrier.id, Ticket())))
            }
            confirm()
            hub.writer.submitAnyway(.leaveSeat(seat, carrier.id, delivery, isBroken: isBroken))
        }
        for sign in typing.takeAll() { _ = hub.exchange.offer(.typing(sign)) }
        hub.unsubscribe(self)
        if let usage { hub.people.leave(usage, at: hub.microseconds) }
    }

    /// The writer has seated this carrier.
    func seated(_ seating: Seating) {
        if case .unavailable = seating {
            hub.note(.storeUnavailable)
            return carrier.close(.tryAgainLater, "The store is not available")
        }
        begin()
        switch (seating, seat) {
        case (.chat(let backlog), .chat(let user, let rule)):
            if !account.hasBegun {
                account.begin(after: backlog.start, newest: backlog.end, isUndecided: rule == .undecided)
                hub.subscribe(self, to: .chat(user.id))
            }
            send(backlog, to: user)
        case (.chat(let backlog), .person(let user)):
            account.begin(after: backlog.start, newest: backlog.end, isUndecided: false)
            hub.subscribe(self, to: .chat(user.id))
            hearNotifications(for: user)
            send(backlog, to: user)
        case (.notifications(let unread), .notifications(let user?)):
            self.unread = unread
            hearNotifications(for: user)
            welcome(.notifications(at: .now))
            tellUnread()
        case (.counter(let value), .counter):
            hub.subscribe(self, to: .counter)
            welcome(.counter(value))
        case (.unavailable, _), (.chat, _), (.notifications, _), (.counter, _):
            preconditionFailure("the writer answers with what was asked for")
        }
        carrier.begin()
    }

    private func hearNotifications(for user: User) {
        hub.subscribe(self, to: .notifications(user.id))
        if let college = user.college { hub.subscribe(self, to: .collegeNotifications(college)) }
        hub.subscribe(self, to: .everybodysNotifications)
    }

    private func send(_ backlog: Store.Backlog, to user: User) {
        for message in backlog.messages where name.dialect.wantsBacklog {
            var frames = Frames(.message(message, for: [user.id]))
            if let frame = frames.frame(for: name) { send(frame) }
        }
        if backlog.messages.isEmpty { account.heard(backlog.end) }
        account.sent(upTo: backlog.end)
        feed = backlog.isComplete ? .live : .sending
        if backlog.isComplete {
            if account.isUnderWay || !isAcknowledged { note() }
        } else {
            carrier.tellWhenDrained()
            if carrier.queuedBytes == 0 { drained() }
        }
    }

    /// All that was sent has left.
    func drained() {
        tellHeldBack()
        if feed == .sending { askForBacklog() }
        goOn()
    }

    /// Asks for the next part of the backlog, or for the end of it where the dialect needs none.
    private func askForBacklog() {
        feed = .asking
        confirm()
        guard let delivery else { return }
        hub.writer.submitAnyway(
            .continueBacklog(
                delivery, sent: account.lastSent, name.dialect.wantsBacklog ? .wanted : .unneeded))
    }

    // MARK: - To the client

    /// Passes on an event's frame, which others share.
    func hear(_ frame: [UInt8]) {
        if held == nil { send(frame) } else { hold(frame, nil) }
    }

    /// Passes on a message's frame and keeps account of what has reached the person.
    func hear(_ frame: [UInt8], of message: MessageID) {
        // Until all has been sent that waited, the next part will have it, where there is one.
        if feed != .live, name.dialect.wantsBacklog { return }
        if held == nil { send(frame, of: message) } else { hold(frame, message) }
    }

    private func send(_ frame: [UInt8]) {
        hub.meter.sent(name)
        carrier.send(frame)
    }

    private func send(_ frame: [UInt8], of message: MessageID) {
        // This one has not left yet.
        if !isAcknowledged { confirm(upTo: MessageID(message.rawValue - 1)) }
        account.sent(upTo: message)
        send(frame)
        note()
    }

    /// Passes on a notification's frame, and the new number of those unread after it.
    func hearNotification(_ frame: [UInt8]) {
        send(frame)
        guard case .notifications(.some) = seat else { return }
        unread += 1
        tellUnread()
    }

    func setUnread(_ count: Int) {
        unread = count
        tellUnread()
    }

    private func tellUnread() {
        guard case .notifications(let user?) = seat else { return }
        let event = Event.unreadCount(unread, of: user.id)
        var frames = Frames(event)
        if let frame = frames.frame(for: name) { hear(frame, inPassing: event) }
    }

    /// The writer tells what became of a change that the client asked for.
    func answer(_ answer: Answer, _ ticket: Ticket) {
        requests.changeEnded()
        if case .joined(let conversation) = answer { join(conversation) }
        tell(answer, ticket)
        goOn()
    }

    /// Shows the client what it asked to see.
    func reply(_ reply: Look.Reply) {
        if let refusal = reply.refusal { hub.note(RefusalReason(refusal)) }
        if let held {
            held.answer(reply.frame, newest: reply.newest)
            return releaseHistory()
        }
        if let frame = reply.frame { send(frame) }
        requests.lookEnded()
        goOn()
    }

    // MARK: - Histories

    private func hold(_ frame: [UInt8], _ message: MessageID?) {
        held?.append(frame, message)
        if let bytes = held?.bytes, bytes > hub.settings.sendQueue { carrier.overflowed() }
    }

    /// Sends a history that was found, and what was held back for it, once all that it shows has been heard.
    ///
    /// - Parameter isLate: Whether to wait no longer: what another process wrote is never heard.
    func releaseHistory(isLate: Bool = false) {
        guard let held, let reply = held.reply else { return }
        if reply.newest > max(hub.newestMessage, account.seatedAt), !isLate {
            if historyDeadline == .max { historyDeadline = hub.wheel.now + DeadlineWheel.resolution }
            carrier.updateDeadline()
            return hub.waitForMessages(of: carrier.id)
        }
        historyDeadline = .max
        self.held = nil
        for (frame, message) in held.inOrder() {
            if let message { send(frame, of: message) } else { send(frame) }
        }
        requests.lookEnded()
        goOn()
    }

    private func tell(_ answer: Answer, _ ticket: Ticket) {
        if let refusal = answer.refusal { hub.note(RefusalReason(refusal)) }
        var answer = answer
        if case .stored(let id, isRecipientPresent: false) = answer, !hub.settings.erpOfflineNotice {
            answer = .stored(id, isRecipientPresent: true)
        }
        if case .refused(let refusal) = answer, ticket.isMessage { answer = .notSent(refusal) }
        let dialect = name.dialect
        if let frame = Frames.frame(in: name, { dialect.encode(answer, into: &$0) }) { send(frame) }
        if let id = ticket.acknowledgement {
            send(Frames.acknowledgement(of: id) { dialect.acknowledge(answer, into: &$0) })
        }
    }

    /// Whether the client has all the answers to what it sent.
    var isAnswered: Bool { requests.isEmpty && held == nil }

    private func refuse(_ refusal: Refusal, _ ticket: Ticket = Ticket()) {
        take(Requests.Decided(.refuse(refusal), ticket))
    }

    private func welcome(_ welcome: Welcome) {
        if let frame = Frames.frame(in: name, { name.dialect.encode(welcome, into: &$0) }) { send(frame) }
    }

    // MARK: - Rooms of conversations

    /// Hears the conversation's messages from here on.
    func join(_ conversation: ConversationID) {
        guard joined.insert(conversation).inserted else { return }
        hub.subscribe(self, to: .conversation(conversation))
        carrier.hasJoined(conversation)
    }

    func leave(_ conversation: ConversationID) {
        guard joined.remove(conversation) != nil else { return }
        hub.unsubscribe(self, from: .conversation(conversation))
        carrier.hasLeft(conversation)
    }

    // MARK: - What has arrived

    /// Whether the client acknowledges what it has got, by the pongs that every client answers pings with (RFC 6455,
    /// section 5.5.3): it can't ask for what it missed.
    private var isAcknowledged: Bool { name.dialect.wantsBacklog }

    /// Notes the newest message up to which nothing is missing. Who listens live and has nothing under way has missed
    /// none that its loop has heard of, whomever they were for. Of a client that can ask for what it missed, what has
    /// been given to the kernel is under way no more.
    ///
    /// - Parameter limit: What comes behind it is only about to be sent.
    func confirm(upTo limit: MessageID? = nil) {
        let isLive = feed == .live && !subscriptions.isEmpty
        let heard = isLive ? min(hub.newestMessage, limit ?? hub.newestMessage) : nil
        if isAcknowledged {
            if let heard { account.heard(heard) }
        } else if carrier.queuedBytes == 0, held == nil {
            account.confirm(heard: heard)
        }
    }

    /// A pong has come.
    func acknowledged(_ payload: Span<UInt8>) {
        guard let message = MessageID(cursor: payload), account.acknowledged(message), let delivery else { return }
        hub.writer.submitAnyway(.delivered([delivery]))
    }

    /// The client has closed by itself. It is alive, and has what the kernel was given before.
    func closedByPeer() {
        if carrier.queuedBytes == 0 { account.confirm(heard: nil) }
        isBroken = account.isUnderWay
    }

    private func note() {
        if isNoted { return }
        isNoted = true
        hub.noteDelivery(to: carrier.id)
        ask()
    }

    /// Has the client acknowledge what it was sent: at once after a time of quiet, and once a second while more comes.
    private func ask() {
        if isAcknowledged, let message = account.ask() { carrier.ping(hub.ping(for: message)) }
    }

    /// What this connection can vouch for.
    private var delivery: Delivery? {
        seat.chatter.flatMap { account.delivery(to: $0.id, by: carrier.id) }
    }

    /// For the account that is kept once a second.
    ///
    /// - Returns: What has arrived, unless that was told when it was acknowledged.
    func takeNote() -> Delivery? {
        confirm()
        ask()
        isNoted = account.isUnderWay
        if isNoted { hub.noteDelivery(to: carrier.id) }
        return isAcknowledged ? nil : delivery
    }

    // MARK: - From the client

    /// Whether a text message that has come is looked at; a client that sends too many is told so.
    func admits() -> Bool {
        if name.dialect.reads(from: seat.kind) {
            if !name.dialect.limitsRate || takeToken() { return true }
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

    private func takeToken() -> Bool { bucket.take(rate, at: hub.milliseconds) }

    private func carryOut(_ command: Command, _ acknowledgement: UInt64?) {
        var ticket = Ticket(acknowledgement: acknowledgement)
        if case .typing(_, let starts, _) = command {
            // Surplus signs tell nobody anything, but the end of what was told does.
            guard takeToken() || !starts && isTyping else {
                return acknowledgement == nil ? () : refuse(.tooFast, ticket)
            }
            isTyping = starts
        } else if let usage, usage.messages.take(hub.settings.messageRate, at: hub.microseconds) > 0 {
            if case .send = command { ticket.isMessage = true }
            return refuse(.tooFast, ticket)
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
    private func take(_ request: Requests.Decided) {
        if requests.take(request, mayLook: mayLook) { carryOut(request) }
        goOn()
    }

    /// There is room in the store's queue again.
    func storeHasRoom() {
        requests.resume()
        goOn()
    }

    /// There was none for too long: what waits for it was not stored, and its sender is told so.
    private func giveUpWaiting() {
        storeDeadline = .max
        requests.giveUp()
        goOn()
    }

    /// Whether the client has read most of what it was sent, so that there is room for a long answer.
    private var mayLook: Bool { carrier.queuedBytes <= hub.settings.sendQueue / 8 }

    /// Carries out what waits and may go on.
    private func goOn() {
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
    func hasSent(_ message: Message, to readers: [UserID]) {
        if typing.isEmpty { return }
        for sign in typing.end(with: message, to: readers) { take(Requests.Decided(.publish(.typing(sign)))) }
    }

    // MARK: - Time

    /// The tick at which ``timePassed()`` wants to be called.
    var deadline: UInt32 { min(expiresAt ?? .max, typing.deadline, historyDeadline, storeDeadline) }

    func timePassed() {
        let now = hub.wheel.now
        if let expiresAt, now >= expiresAt { return carrier.close(.unauthorized, "Token expired") }
        for sign in typing.takeEnded(at: now) { take(Requests.Decided(.publish(.typing(sign)))) }
        if now >= historyDeadline { releaseHistory(isLate: true) }
        if now >= storeDeadline { giveUpWaiting() }
    }
}

extension CloseCode {
    /// No token, or one that is not valid (INTEROP.md, Authentication).
    static let unauthorized = CloseCode(4003)
    /// A room's name that is none (INTEROP.md, rooms).
    static let badRoomName = CloseCode(4004)
}
