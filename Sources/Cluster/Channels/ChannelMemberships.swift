import Chat

/// Which groups this node is in, and on which host something is to be done about that. Pure.
struct ChannelMemberships {
    private let settings: ChannelSettings
    /// How many listen, on all loops together.
    private var listeners: [ChannelGroup: Int] = [:]
    private var groups: [String: ChannelGroup] = [:]
    /// For each host, in the order in which it came up, each once.
    private var due: [Due]

    private struct Due {
        var queue: [ChannelGroup] = []
        var start = 0
        var known: Set<ChannelGroup> = []
    }

    init(_ settings: ChannelSettings) {
        self.settings = settings
        due = settings.hosts.map { _ in Due() }
    }

    var count: Int { listeners.count }

    func isIn(_ group: ChannelGroup) -> Bool { listeners[group] != nil }

    /// One loop more, or one less, listens.
    mutating func listen(_ isListening: Bool, to group: ChannelGroup) {
        let before = listeners[group] ?? 0
        let now = before + (isListening ? 1 : -1)
        listeners[group] = now > 0 ? now : nil
        if (before > 0) == (now > 0) { return }
        groups[Self.address(in: group)] = now > 0 ? group : nil
        note(group)
    }

    /// Something is to be done about a group.
    mutating func note(_ group: ChannelGroup) {
        let host = settings.host(of: group.name)
        if due[host].known.insert(group).inserted { due[host].queue.append(group) }
    }

    /// All groups of a host are to be joined anew.
    mutating func noteAll(on host: Int) {
        for group in listeners.keys where settings.host(of: group.name) == host { note(group) }
    }

    /// Leaves all groups.
    mutating func leaveAll() {
        for group in listeners.keys { note(group) }
        listeners = [:]
        groups = [:]
    }

    mutating func next(on host: Int) -> ChannelGroup? {
        guard due[host].start < due[host].queue.count else { return nil }
        let group = due[host].queue[due[host].start]
        due[host].start += 1
        due[host].known.remove(group)
        if due[host].start == due[host].queue.count { due[host] = Due() }
        return group
    }

    func isDone(on host: Int) -> Bool { due[host].queue.isEmpty }

    /// One of those that a host should know of.
    func sample(on host: Int) -> ChannelGroup? {
        if settings.hosts.count == 1 { return listeners.keys.first }
        return listeners.keys.first { settings.host(of: $0.name) == host }
    }

    // MARK: - Addresses

    /// What stands behind the "!" of this node's channel in a group: letters and digits, as a channel's name has no more
    /// than 100 characters.
    static func address(in group: ChannelGroup) -> String {
        switch group {
        case .chat(let user): "u\(user)"
        case .notifications(let user): "n\(user)"
        case .college(let college): "c\(college.rawValue)"
        case .everybody: "n"
        case .counter: "g"
        case .room(let room):
            "r" + Digest.hexadecimal(Digest.sha256(Array(room.text.utf8))[..<12])
        }
    }

    func group(at address: String) -> ChannelGroup? { groups[address] }
}
