import Chat
import Dialects
import EventLoop
import JSON
import Storage
import WebSocket

/// What a connection is once it speaks WebSocket and everybody knows whose it is: one seat, in one dialect.
final class Session {
    struct Subscription {
        let topic: Topic
        let subscribers: Subscribers
        var place: Int
    }

    let seat: Seat
    let name: DialectName
    var subscriptions: [Subscription] = []

    private unowned let connection: Connection
    private unowned let hub: Hub
    private var decoder: MessageDecoder
    private let rate: TokenBucket.Limit
    private var bucket: TokenBucket
    /// More signs of typing than this tell nobody anything; the surplus is dropped.
    private static let typingRate = TokenBucket.Limit(rate: 5, burst: 20)
    /// How many notifications the person has not read.
    private var unread = 0

    /// The message after which this began, the newest that was sent here, and the newest that has certainly left the
    /// queue.
    private var start = MessageID(0)
    private var lastSent = MessageID(0)
    private var confirmed = MessageID(0)
    private var isFedBacklog = false
    private var isNoted = false

    private var heartbeat: Heartbeat
    private let expiresAt: UInt32?

    /// - Parameter expiresAt: The tick at which the token that opened this expires.
    init(_ seat: Seat, _ name: DialectName, on connection: Connection, of hub: Hub, expiresAt: UInt32?) {
        self.seat = seat
        self.name = name
        self.connection = connection
        self.hub = hub
        self.expiresAt = expiresAt
        decoder = MessageDecoder(maximumMessageLength: hub.settings.maxMessage)
        rate = name.dialect.limitsRate ? hub.settings.roomsRate : Self.typingRate
        bucket = TokenBucket(rate, at: hub.milliseconds)
        heartbeat = Heartbeat(hub.rhythm, at: hub.wheel.now)
    }

    /// Takes the seat: at once where only this server knows of it, else once the writer has.
    func takeSeat() {
        switch seat {
        case .room(let room):
            connection.seated()
            hub.subscribe(self, to: .room(room))
            hub.exchange.publish(.room(room, .joined, except: connection.id))
            connection.begin()
        case .notifications(nil):
            connection.seated()
            hub.subscribe(self, to: .everybodysNotifications)
            welcome(.notifications(at: .now))
            connection.begin()
        case .chat, .notifications, .counter:
            hub.writer.submitAnyway(.takeSeat(seat, connection.id))
        }
    }

    /// The connection is gone.
    func closed() {
        switch seat {
        case .room(let room):
            hub.exchange.publish(.room(room, .left, except: connection.id))
        case .notifications(nil):
            break
        case .chat, .notifications, .counter:
            confirm()
            hub.writer.submitAnyway(.leaveSeat(seat, delivery))
        }
        hub.unsubscribe(self)
    }

    /// The writer has seated this connection.
    func seated(_ seating: Seating) {
        if case .unavailable = seating { return connection.close(.tryAgainLater, "The store is not available") }
        connection.seated()
        switch (seating, seat) {
        case (.chat(let backlog), .chat(let user, _)):
            if lastSent.rawValue == 0 { (start, confirmed) = (backlog.start, backlog.start) }
            for message in backlog.messages {
                var frames = Frames(.message(message, for: [user.id]))
                if let frame = frames.frame(for: name) { send(frame) }
            }
            lastSent = backlog.end
            isFedBacklog = !backlog.isComplete
            if isFedBacklog {
                connection.stream.tellsWhenDrained = true
                if connection.stream.queuedBytes == 0 { drained() }
            } else {
                note()
                hub.subscribe(self, to: .chat(user.id))
            }
        case (.notifications(let unread), .notifications(let user?)):
            self.unread = unread
            hub.subscribe(self, to: .notifications(user.id))
            if let college = user.college { hub.subscribe(self, to: .collegeNotifications(college)) }
            hub.subscribe(self, to: .everybodysNotifications)
            welcome(.notifications(at: .now))
            tellUnread()
        case (.counter(let value), .counter):
            hub.subscribe(self, to: .counter)
            welcome(.counter(value))
        case (.unavailable, _), (.chat, _), (.notifications, _), (.counter, _):
            preconditionFailure("the writer answers with what was asked for")
        }
        connection.begin()
    }

    /// All of a part of the backlog has left.
    func drained() {
        guard isFedBacklog else { return }
        isFedBacklog = false
        confirm()
        if let delivery { hub.writer.submitAnyway(.continueBacklog(delivery, connection.id)) }
    }

    // MARK: - To the client

    /// Sends a frame that others may share.
    func send(_ frame: [UInt8]) {
        connection.stream.send(frame)
    }

    /// Sends a message's frame and keeps account of what has reached the person.
    func send(_ frame: [UInt8], of message: MessageID) {
        confirm()
        lastSent = message
        send(frame)
        note()
    }

    /// Sends a notification's frame, and the new number of those unread after it.
    func sendNotification(_ frame: [UInt8]) {
        send(frame)
        guard seat.user != nil else { return }
        unread += 1
        tellUnread()
    }

    func setUnread(_ count: Int) {
        unread = count
        tellUnread()
    }

    private func tellUnread() {
        guard let user = seat.user else { return }
        var frames = Frames(.unreadCount(unread, of: user.id))
        if let frame = frames.frame(for: name) { send(frame) }
    }

    /// Tells the client what became of its command.
    func answer(_ answer: Answer) {
        var answer = answer
        if case .stored(let id, isRecipientPresent: false) = answer, !hub.settings.erpOfflineNotice {
            answer = .stored(id, isRecipientPresent: true)
        }
        var json = JSONWriter()
        if name.dialect.encode(answer, into: &json) { send(Frames.text(json)) }
    }

    private func refuse(_ refusal: Refusal) { answer(.refused(refusal)) }

    private func welcome(_ welcome: Welcome) {
        var json = JSONWriter()
        if name.dialect.encode(welcome, into: &json) { send(Frames.text(json)) }
    }

    // MARK: - What has arrived

    /// The newest message that has certainly been given to the kernel.
    @discardableResult
    func confirm() -> MessageID {
        if connection.stream.queuedBytes == 0 { confirmed = lastSent }
        return confirmed
    }

    private func note() {
        if isNoted { return }
        isNoted = true
        hub.noteDelivery(to: connection.id)
    }

    /// What this connection can vouch for.
    private var delivery: Delivery? {
        guard case .chat(let user, _) = seat else { return nil }
        return Delivery(to: user.id, after: start, upTo: confirmed)
    }

    /// For the account that is kept once a second.
    ///
    /// - Returns: What has arrived, and whether more is under way.
    func takeNote() -> (delivery: Delivery, isUnderWay: Bool)? {
        confirm()
        isNoted = confirmed != lastSent
        return delivery.map { ($0, isNoted) }
    }

    // MARK: - From the client

    func received(_ bytes: inout MutableSpan<UInt8>) {
        heartbeat.heard()
        do {
            _ = try decoder.decode(&bytes) { kind, payload in
                receive(kind, payload)
                return connection.isOpen ? .proceed : .pause
            }
        } catch {
            connection.close(error.closeCode, error.reason)
        }
    }

    private func receive(_ kind: Incoming, _ payload: Span<UInt8>) {
        switch kind {
        case .text: receive(payload)
        case .binary: if name.dialect.reads(from: seat.kind) { refuse(.notJSON) }
        case .ping: send(FrameEncoder.pong(payload))
        case .pong: break
        case .close(let code): connection.receivedClose(code)
        }
    }

    private func receive(_ text: Span<UInt8>) {
        if !name.dialect.reads(from: seat.kind) { return }
        if name.dialect.limitsRate, !takeToken() { return refuse(.tooFast) }
        guard let frame = try? hub.parser.parse(text) else { return refuse(.notJSON) }
        do throws(Refusal) {
            guard frame.isObject else { throw Refusal.unknownFormat }
            carryOut(try name.dialect.decode(frame, from: seat.kind))
        } catch {
            refuse(error)
        }
    }

    private func takeToken() -> Bool { bucket.take(rate, at: hub.milliseconds) }

    private func carryOut(_ command: Command) {
        if case .typing = command, !name.dialect.limitsRate, !takeToken() { return }
        switch hub.chat.decide(command, from: seat, at: .now) {
        case .store(let change):
            if !hub.writer.submit(.change(change, .connection(connection.id))) { refuse(.storeUnavailable) }
        case .publish(let event): if !hub.exchange.offer(event) { refuse(.tooFast) }
        case .refuse(let refusal): refuse(refusal)
        }
    }

    // MARK: - Time

    /// The tick at which ``timePassed()`` wants to be called.
    var deadline: UInt32 { min(heartbeat.deadline(hub.rhythm), expiresAt ?? .max) }

    private static let ping = FrameEncoder.frame(.ping, Span())

    func timePassed() {
        let now = hub.wheel.now
        if let expiresAt, now >= expiresAt { return connection.close(.unauthorized, "Token expired") }
        switch heartbeat.timePassed(hub.rhythm, at: now) {
        case .ping: send(Self.ping)
        case .close: connection.abort()
        case .wait: break
        }
    }
}

extension CloseCode {
    /// No token, or one that is not valid (INTEROP.md, Authentication).
    static let unauthorized = CloseCode(4003)
    /// A room's name that is none (INTEROP.md, rooms).
    static let badRoomName = CloseCode(4004)
}
