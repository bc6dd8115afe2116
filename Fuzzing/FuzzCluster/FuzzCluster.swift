import CLibFuzzer
import Chat
import JSON
import Redis

@testable import Cluster

@main struct FuzzCluster {
    static func main() {
        unsafe fuzz(CommandLine.argc, CommandLine.unsafeArgv)
    }
}

/// Takes the bytes for everything that comes through Redis: messages of a channel layer, for each kind
/// of group; what emitters publish; what other nodes tell, behind their MAC.
@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start = unsafe start, count > 0 else { return 0 }
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    readMessage(bytes)
    readBusMessage(bytes)
    _ = try? Emission(nodeEvent: bytes)
    _ = unsafe try? Emission.ofNodeRequest(bytes, with: parser)
    _ = unsafe try? Emission.ofPython(bytes, with: parser)
    _ = try? RedisURL(String(decoding: bytes, as: UTF8.self))
    _ = Timestamp(iso8601: String(decoding: bytes, as: UTF8.self))
    _ = Fernet(["key"], lifetime: nil).open(bytes[...], at: now)
    return 0
}

nonisolated(unsafe) private let parser = JSONParser(maximumLength: 1 << 20)
private let now = Timestamp(microseconds: 1_767_695_400_000_000)
private let settings = ChannelSettings(hosts: [try! RedisURL("redis://")])
private let groups: [ChannelGroup] = [
    .chat(UserID(7)), .notifications(UserID(7)), .college(CollegeID(5)), .everybody, .room(RoomName("general")!),
    .counter,
]

private func readMessage(_ bytes: [UInt8]) {
    if let value = try? MessagePack.decode(bytes), value.isJSON {
        var json = JSONWriter()
        json.append(value)
        // What JSON can hold is JSON.
        let read = unsafe try? parser.parse(json.bytes.span)
        precondition(read != nil, "what was written is no JSON")
    }
    let prefix = [UInt8](repeating: 0, count: ChannelMessage.randomPrefix)
    guard let message = try? ChannelMessage(prefix + bytes, settings, nil, at: now) else { return }
    for group in groups {
        guard let order = try? message.order(for: group, sentAt: [0x31], settings, at: now) else { continue }
        if case .store(.notify(_, let content, let key, _)) = order {
            let data = unsafe try? parser.parse(content.data.span)
            precondition(key != nil && data?.isObject == true)
        }
    }
}

private let key = [UInt8](repeating: 7, count: 32)

/// What can be read can be written, and then read and written again.
private func readBusMessage(_ bytes: [UInt8]) {
    guard let message = try? BusCodec.unpack(bytes, from: 0) else { return }
    if case .unknown = message.content { return }
    let codec = BusCodec(key: key)
    let written = codec.encode(message, for: "bus")
    guard let read = try? codec.decode(written, from: "bus") else { fatalError("what was written can't be read") }
    // Their order may be another: some of it is a dictionary.
    precondition(codec.encode(read, for: "bus").count == written.count, "what was read is not what was written")
}
