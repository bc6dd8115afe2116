import Chat
import Dialects
import Foundation
import Server
import Storage

/// `serve --demo`: people to try the server with.
enum Demo {
    private static let people: [(username: String, name: String)] = [
        ("aarav", "Aarav Sharma"), ("diya", "Diya Patel"), ("kabir", "Kabir Singh"),
    ]

    /// Makes the people where the database has none, gives each a token for a day, and prints what to paste.
    static func prepare(_ location: StoreLocation, address: String, isSecure: Bool) throws {
        let store = try Store(location)
        let tokens = try store.transaction { () throws(StoreError) -> [(user: User, token: String)] in
            if try store.accounts.allUsers().isEmpty {
                for person in people {
                    _ = try store.accounts.add(
                        username: person.username, name: person.name, college: CollegeID(1), password: nil, at: .now)
                }
            }
            var tokens: [(user: User, token: String)] = []
            for person in people {
                // Whoever has a password, or came after others, is a person and not the demo's.
                guard let user = try store.accounts.user(named: person.username), user.name == person.name,
                    user.id.rawValue <= people.count, try store.accounts.password(of: user) == nil
                else { continue }
                let token = AccessToken()
                _ = try store.accounts.addToken(
                    digest: token.digest, of: user.id, at: .now, expiresAt: .now + .seconds(86_400))
                tokens.append((user, token.text))
            }
            return tokens
        }
        Terminal.print(text(tokens, address, isSecure))
    }

    private static func text(_ people: [(user: User, token: String)], _ address: String, _ isSecure: Bool) -> String {
        var lines = ["", "Open two of these, say in two browser consoles, and send the frame of one."]
        func add(_ title: String, _ path: String, _ frame: String) {
            lines += ["", title, "  \(isSecure ? "wss" : "ws")://\(address)\(path)", "  \(frame)"]
        }
        add(
            "rooms, a room", "/ws/chat/general/",
            #"{"type":"chat_message","message":"Hello everyone!","username":"Aarav"}"#)
        add("rooms, the counter", "/ws/counter/", #"{"action":"increment","value":1}"#)
        for (user, token) in people {
            guard let other = people.first(where: { $0.user !== user })?.user else { continue }
            add(
                "campus, as \(user.name) to \(other.name)", "/ws/chat/?token=\(token)",
                #"{"receiver_id":\#(other.id),"message":"Hello, how are you?"}"#)
            add(
                "conversations, as \(user.name) with \(other.name)", "/ws/chat/?dialect=conversations&token=\(token)",
                #"{"type":"chat.start_conversation","receiver_id":\#(other.id)}"#)
            add(
                "erp, as \(user.name) to \(other.name)", "/ws/v1/chat/?token=\(token)",
                #"{"type":"chat_message","message":"Hello, are you available?","recipient_id":\#(other.id)}"#)
            lines += [
                "", "socketio, as \(user.name) to \(other.name)",
                #"  socket = io("\#(isSecure ? "https" : "http")://\#(address)", {auth: {token: "\#(token)"}})"#,
                #"  socket.emit("send_message", {"toUserId":\#(other.id),"content":"Hello world!"})"#,
            ]
        }
        if people.isEmpty { lines += ["", "The database holds other people than the demo's, so none were added."] }
        return lines.joined(separator: "\n") + "\n"
    }
}
