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
        var place: UInt32
        let subscribers: Subscribers
    }

    // What is looked at with each delivery comes first, so that it shares a line of the processor's cache. Small ones lie
    // together, behind the seat with its one odd byte, so that nothing is left empty: there is one of these for each client.

    let carrier: Carrier
    let hub: Hub
    /// While a history is looked up: what is heard meanwhile.
    var held: HeldFrames?
    let seat: Seat
    var name: DialectName { didSet { isAcknowledged = name.dialect.wantsBacklog } }
    var feed = Feed.live
    /// Whether it has any subscriptions: looked at with each message, so it is apart.
    private(set) var listens = false
    /// Whether ``goOn()`` has anything to do.
    private(set) var mayGoOn = false
    /// Whether the client is not read from, as it has to wait for the answers to what it asked.
    var isPaused = false
    /// Whether the last sign of typing that counted was one of a start.
    var isTyping = false
    /// Whether the client acknowledges what it has got, by the pongs that every client answers pings with (RFC 6455,
    /// section 5.5.3): it can't ask for what it missed.
    private(set) var isAcknowledged: Bool
    var isNoted = false
    /// Whether the client may come back for what it missed, unless it says goodbye.
    var isBroken = true
    /// How long a message may be that was compressed once for everybody; 0 where it takes none.
    let sharedCompression: UInt32
    private let expiresAt: UInt32
    /// The tick until which something waits for room in the store's queue.
    var storeDeadline: UInt32 = .max
    /// The tick by which a history that was found is sent in any case.
    var historyDeadline: UInt32 = .max
    private var unreadCount: UInt32 = 0
    /// How many notifications the person has not read.
    var unread: Int {
        get { Int(unreadCount) }
        set { unreadCount = UInt32(clamping: newValue) }
    }

    var subscriptions: [Subscription] = [] { didSet { listens = !subscriptions.isEmpty } }
    /// The conversations whose rooms it is in.
    private(set) var joined: Set<ConversationID> = []
    /// By whom it was opened; `nil` where that was nobody in particular.
    let holder: Holder?
    /// What its person uses in all, where it has one.
    let usage: Usage?

    // MARK: What the client asks for, in Session+Requests.swift

    /// Other dialects of the path, until the client's first frame has shown which it is (INTEROP.md).
    var rivals: [DialectName]
    // Unchecked, here and below: what changes them is code of plain values, which knows no session; the one question that
    // it asks back, whether a look may begin, looks at the carrier's queue.
    @safe @exclusivity(unchecked) var bucket: TokenBucket
    /// More signs of typing than this tell nobody anything; the surplus is dropped.
    private static let typingRate = TokenBucket.Limit(rate: 5, burst: 20)
    @safe @exclusivity(unchecked) var requests = Requests() {
        didSet { mayGoOn = requests.isWaiting || requests.isFull != isPaused }
    }
    @safe @exclusivity(unchecked) var typing = Typing()

    // MARK: What it is told, in Session+Hearing.swift and Session+HeldBack.swift

    /// What is of the moment, while the client is behind with reading.
    var heldBack: Arrears?

    // MARK: What has arrived of it, in Session+Delivery.swift

    var account = DeliveryAccount()

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
        isAcknowledged = name.dialect.wantsBacklog
        self.rivals = rivals
        self.carrier = carrier
        self.hub = hub
        self.holder = holder
        self.usage = usage
        self.expiresAt = expiresAt ?? .max
        sharedCompression = UInt32(clamping: carrier.sharedCompression)
        bucket = TokenBucket(Self.rate(of: name, on: hub), at: hub.milliseconds)
    }

    static func rate(of name: DialectName, on hub: Hub) -> TokenBucket.Limit {
        name.dialect.limitsRate ? hub.settings.roomsRate : typingRate
    }

    /// Takes the seat: at once where only this server knows of it, else once the writer has.
    ///
    /// - Parameter claim: Of a client that was on some node of the cluster before.
    func takeSeat(with claim: Recoveries.Claim? = nil) {
        hub.meter.connected(name)
        hub.exchange.bus?.post(.sits(seat))
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
            hub.writer.submitAnyway(
                claim.map { .returnToSeat(seat, carrier.id, $0) } ?? .takeSeat(seat, carrier.id))
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
        hub.exchange.bus?.post(.leaves(seat, mayReturn: isBroken && seat.kind == .person))
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

    /// All that was sent has left.
    func drained() {
        tellHeldBack()
        if feed == .sending { askForBacklog() }
        goOn()
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

    // MARK: - Time

    /// The tick at which ``timePassed()`` wants to be called.
    var deadline: UInt32 { min(expiresAt, typing.deadline, historyDeadline, storeDeadline) }

    func timePassed() {
        let now = hub.wheel.now
        if now >= expiresAt { return carrier.close(.unauthorized, "Token expired") }
        for sign in typing.takeEnded(at: now) { take(Requests.Decided(.publish(.typing(sign)))) }
        if now >= historyDeadline {
            historyDeadline = now + DeadlineWheel.resolution
            releaseHistory(isLate: !hub.isBehind)
        }
        if now >= storeDeadline { giveUpWaiting() }
    }
}

extension CloseCode {
    /// No token, or one that is not valid (INTEROP.md, Authentication).
    static let unauthorized = CloseCode(4003)
    /// A room's name that is none (INTEROP.md, rooms).
    static let badRoomName = CloseCode(4004)
}
