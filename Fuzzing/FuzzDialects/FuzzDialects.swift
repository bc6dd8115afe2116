import CLibFuzzer
import Chat
import Dialects
import JSON

@main struct FuzzDialects {
    static func main() {
        unsafe fuzz(CommandLine.argc, CommandLine.unsafeArgv)
    }
}

/// What is connected where: a letter in the corpus for each endpoint of each dialect.
private let seats: [(letter: UInt8, dialect: DialectName, kind: Seat.Kind)] = {
    var seats: [(UInt8, DialectName, Seat.Kind)] = []
    for name in DialectName.allCases {
        for endpoint in name.dialect.endpoints {
            seats.append((UInt8(ascii: "a") + UInt8(seats.count), name, endpoint.kind))
        }
    }
    return seats
}()

nonisolated(unsafe) private let parser = JSONParser(maximumLength: 1 << 20)
nonisolated(unsafe) private let checker = JSONParser(maximumLength: 1 << 20)

/// The first byte says who sends the rest, as one frame.
@c(LLVMFuzzerTestOneInput)
public func fuzzDialects(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let choice = input.first else { return 0 }
    let seat = seats.first { $0.letter == choice } ?? seats[Int(choice) % seats.count]
    guard let frame = try? unsafe parser.parse(Array(input[1...]).span) else {
        checkWords(.notJSON, in: seat.dialect)
        return 0
    }
    // Any dialect may be asked whether a frame is its own.
    for name in DialectName.allCases { _ = name.dialect.recognizes(frame) }
    do throws(Refusal) {
        check(try seat.dialect.dialect.decode(frame, from: seat.kind))
    } catch {
        checkWords(error, in: seat.dialect)
    }
    return 0
}

// MARK: - Commands

private func check(_ command: Command) {
    switch command {
    case .send(let draft, _):
        precondition(!draft.text.isEmpty || draft.attachment != nil, "an empty message")
        precondition(draft.attachment.map { $0.url.hasPrefix("http") } ?? true)
        precondition(draft.clientID.map { (1...64).contains($0.text.utf8.count) } ?? true)
        checkEvents(draft)
    case .say(let text, let username):
        precondition(!text.isEmpty && !username.isEmpty)
        checkSaying(text, username)
    case .count(let action):
        for total in [Int64.min, -1, 0, 1, .max] { _ = action.applied(to: total) }
    case .look(.messages(_, _, let limit)): precondition(limit ?? 1 > 0)
    case .markRead, .typing, .startConversation, .join, .leave, .look, .readNotification: break
    }
}

/// What is sent is heard by everybody word for word, in each dialect that has words for it.
private func checkEvents(_ draft: Draft) {
    let sender = User(id: UserID(1), username: draft.text, name: draft.text, college: nil)
    let message = Message(
        id: MessageID(1), conversation: ConversationID(1), sender: sender, text: draft.text,
        attachment: draft.attachment, sentAt: Timestamp(microseconds: 0), for: [UserID(2)])
    for name in DialectName.allCases {
        for role in [Role.joined, .other] {
            let frame = written(in: name) {
                name.dialect.encode(.message(message), to: role, into: &$0)
            }
            guard let frame else { continue }
            precondition(
                holds(frame, draft.text.isEmpty ? draft.attachment?.url ?? "" : draft.text), "other words are heard")
        }
    }
}

private func checkSaying(_ text: String, _ username: String) {
    guard let room = RoomName("room") else { preconditionFailure("no room") }
    let event = Event.room(
        room, .said(text: text, username: username, at: Timestamp(microseconds: 0)), except: nil)
    guard let frame = written(in: .rooms, { Rooms.encode(event, to: .other, into: &$0) }) else {
        preconditionFailure("nobody hears it")
    }
    precondition(holds(frame, text) && holds(frame, username), "other words are heard")
}

/// A frame as its receiver reads it; `nil` where there is none. It must be JSON.
private func written(in name: DialectName, _ encode: (inout JSONWriter) -> Bool) -> JSONValue? {
    var json = JSONWriter()
    var hasWords = false
    if name.dialect.transport == .socketIO {
        json.array { hasWords = encode(&$0) }
    } else {
        hasWords = encode(&json)
    }
    if !hasWords { return nil }
    guard let frame = try? unsafe checker.parse(json.bytes.span) else { preconditionFailure("a frame that is no JSON") }
    return frame
}

/// Whether a text is somewhere in a frame.
private func holds(_ value: JSONValue, _ text: String) -> Bool {
    if let string = value.string { return string.utf8.elementsEqual(text.utf8) }
    var isThere = false
    value.forEachElement { if holds($0, text) { isThere = true } }
    value.forEachMember { if holds($1, text) { isThere = true } }
    return isThere
}

// MARK: - Errors

/// Who sends nonsense is told in the words of the specification, and in no others.
private func checkWords(_ refusal: Refusal, in name: DialectName) {
    guard let frame = written(in: name, { name.dialect.encode(.refused(refusal), into: &$0) }) else {
        preconditionFailure("\(name) says nothing of \(refusal)")
    }
    let words =
        switch name {
        case .erp, .rooms: frame["message"]?.string
        case .campus: frame["error"]?.string
        case .conversations: frame["message"]?.string ?? frame["error"]?.string
        case .socketio: frame.element(at: 1)?["message"]?.string
        }
    guard let words, documented[name]?.contains(words) ?? false else {
        preconditionFailure("\(name) says of \(refusal): \(words ?? "nothing")")
    }
}

private let documented: [DialectName: Set<String>] = [
    .erp: [
        "Invalid JSON format", "Invalid message format", "message is required", "recipient_id is required",
        "sender_id is required", "id is required", "client_id must be a string of 1 to 64 bytes",
    ],
    .campus: [
        "Invalid JSON format", "receiver_id is required", "message or attachment is required",
        "An error occurred while processing your message",
    ],
    .conversations: [
        "Invalid JSON format", "Invalid message format", "conversation_id is required", "receiver_id is required",
        "is_typing is required", "keyword is required", "content is required", "limit must be 1 or more",
        "before_id must be a message id", "attachment must be an http or https URL",
        "client_id must be a string of 1 to 64 bytes",
    ],
    .rooms: ["Invalid JSON format", "Invalid message format", "Invalid message (max 1000 characters)"],
    .socketio: [
        "Failed to send message", "Unknown event", "conversationId is required",
        "conversationId or toUserId is required",
    ],
]
