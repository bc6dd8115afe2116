import Dialects
import Testing

@Suite struct DialectNameTests {
    @Test("each name has its dialect, and a place of its own in tables")
    func table() {
        #expect(DialectName.erp.dialect is ERP.Type)
        #expect(DialectName.campus.dialect is Campus.Type)
        #expect(DialectName.conversations.dialect is Conversations.Type)
        #expect(DialectName.rooms.dialect is Rooms.Type)
        #expect(DialectName.socketio.dialect is SocketIOChat.Type)
        #expect(DialectName.allCases.map(\.rawValue) == Array(0..<DialectName.allCases.count))
        #expect(DialectName.allCases.map(\.text) == ["erp", "campus", "conversations", "rooms", "socketio"])
    }

    @Test("only rooms can be spoken without a token")
    func anonymous() {
        #expect(DialectName.anonymous == [.rooms])
    }

    @Test("on a shared path, the kind of token or its absence tells every dialect from every other")
    func sharedPaths() {
        var names: [String: Set<String>] = [:]
        for name in DialectName.allCases {
            for endpoint in name.dialect.endpoints {
                let sign = endpoint.token == .optional ? "none" : "\(name.dialect.isForTokens.map { "\($0)" } ?? "any")"
                let isNew = names[endpoint.path, default: []].insert(sign).inserted
                #expect(isNew, "\(name) on \(endpoint.path)")
            }
        }
        #expect(names["/ws/chat/"] == ["opaque", "jwt"])
        #expect(names["/ws/notifications/"] == ["opaque", "none"])
    }
}
