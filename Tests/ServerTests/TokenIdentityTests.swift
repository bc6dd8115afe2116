import Chat
import Foundation
import JWT
import Storage
import Testing

@testable import Server

@Suite final class TokenIdentityTests {
    private let folder: URL
    private let store: Store

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "switchboard-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        store = try Store(path: folder.appending(path: "switchboard.db").path)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private static let secret = Array("a secret of at least thirty-two bytes".utf8)
    private static let settings = JWTSettings(name: "login", source: .secret(secret))
    private static let now = Timestamp(microseconds: 1_767_702_600_000_000)

    /// What a genuine token with this payload says.
    private static func claims(_ payload: String) throws -> Claims {
        let key = try Key(secret: secret)
        let token = try key.sign(claims: Array(payload.utf8), using: .hs256)
        return try Verifier(keys: [key]).verify(token, at: now.microseconds)
    }

    private static func identity(_ payload: String, _ settings: JWTSettings = settings) throws -> TokenIdentity? {
        TokenIdentity(try claims(payload), settings)
    }

    /// The person of a token, with a new account where there was none.
    private func findOrAdd(_ payload: String) throws -> User {
        let (store, identity) = (store, try #require(try Self.identity(payload)))
        return try store.transaction { () throws(StoreError) in try identity.findOrAdd(to: store.accounts) }
    }

    private func add(_ username: String) throws -> User {
        let store = store
        return try store.transaction { () throws(StoreError) in
            try store.accounts.add(username: username, name: username, college: nil, password: nil, at: Self.now)
        }
    }

    // MARK: - Who it is

    @Test(
        "a number or digits are an id, another text is a username",
        arguments: [
            (#"{"sub":1}"#, .id(UserID(1))), (#"{"sub":"1"}"#, .id(UserID(1))), (#"{"sub":"007"}"#, .id(UserID(7))),
            (#"{"sub":4503599627370496}"#, .id(UserID(1 << 52))),
            (#"{"sub":"4503599627370496"}"#, .id(UserID(1 << 52))), (#"{"sub":"asha"}"#, .username("asha")),
            (#"{"sub":"a.rao@example.org"}"#, .username("a.rao@example.org")), (#"{"sub":"+1"}"#, .username("+1")),
            (#"{"sub":"-1"}"#, .username("-1")),
        ] as [(String, TokenIdentity.Name)])
    private func names(_ payload: String, _ name: TokenIdentity.Name) throws {
        #expect(try Self.identity(payload)?.name == name)
    }

    @Test(
        "anything else is nobody",
        arguments: [
            "{}", #"{"sub":null}"#, #"{"sub":0}"#, #"{"sub":-1}"#, #"{"sub":9007199254740992}"#,
            #"{"sub":9223372036854775807}"#, #"{"sub":9223372036854775808}"#, #"{"sub":"0"}"#,
            #"{"sub":"9007199254740992"}"#, #"{"sub":"99999999999999999999"}"#, #"{"sub":1.0}"#, #"{"sub":1.5}"#,
            #"{"sub":1e3}"#, #"{"sub":true}"#, #"{"sub":[1]}"#, #"{"sub":{"id":1}}"#, #"{"sub":""}"#,
            #"{"sub":"a b"}"#, #"{"sub":"a/b"}"#, #"{"sub":"auth0|5"}"#, #"{"sub":"٣"}"#,
            #"{"sub":"\#(String(repeating: "x", count: 151))"}"#,
        ])
    func nobody(_ payload: String) throws {
        #expect(try Self.identity(payload) == nil)
    }

    @Test(
        "an account is made for ids that leave room for later ones",
        arguments: [(1 << 52, true), ((1 << 52) + 1, false)])
    func newAccounts(_ id: Int, _ canBeAdded: Bool) throws {
        #expect(try Self.identity(#"{"sub":\#(id)}"#)?.canBeAdded == canBeAdded)
    }

    @Test("the first claim that is there counts, even if it says nothing")
    func firstClaim() throws {
        #expect(try Self.identity(#"{"id":4,"userId":5,"sub":"3","user_id":2}"#)?.name == .id(UserID(2)))
        #expect(try Self.identity(#"{"id":4,"sub":"3"}"#)?.name == .id(UserID(3)))
        #expect(try Self.identity(#"{"userId":5,"id":4}"#)?.name == .id(UserID(4)))
        #expect(try Self.identity(#"{"user_id":null,"userId":5}"#)?.name == .id(UserID(5)))
        #expect(try Self.identity(#"{"user_id":[],"sub":"3"}"#) == nil)
        var settings = Self.settings
        settings.idClaims = ["uid", "sub"]
        #expect(try Self.identity(#"{"user_id":2,"sub":3}"#, settings)?.name == .id(UserID(3)))
        #expect(try Self.identity(#"{"uid":"asha","sub":3}"#, settings)?.name == .username("asha"))
    }

    // MARK: - Their account

    @Test("who has an account is found by it, and nothing of it changes")
    func known() throws {
        let asha = try add("asha")
        for payload in [#"{"sub":1,"username":"x","name":"X","college":9}"#, #"{"sub":"ASHA","name":"X"}"#] {
            let found = try findOrAdd(payload)
            #expect(found.id == asha.id)
            #expect([found.username, found.name] == ["asha", "asha"])
            #expect(found.college == nil)
        }
        #expect(try #require(try Self.identity(#"{"sub":2}"#)).find(in: store.accounts) == nil)
        #expect(try store.accounts.allUsers().count == 1)
    }

    @Test(
        "a new account takes over what fits, and else is named by the id",
        arguments: [
            (#"{"sub":9}"#, 9, "user9", "user9", nil),
            (#"{"sub":"9","username":"asha","name":"Asha Rao","college_id":5}"#, 9, "asha", "Asha Rao", 5),
            (#"{"sub":9,"preferred_username":"asha","college":"5"}"#, 9, "asha", "asha", 5),
            (#"{"sub":9,"username":"a b","name":"","college":"north"}"#, 9, "user9", "user9", nil),
            (#"{"sub":9,"username":"123","name":7,"college":1.5}"#, 9, "user9", "user9", nil),
            (#"{"sub":"asha","name":"Asha Rao","college":5,"username":"other"}"#, 1, "asha", "Asha Rao", 5),
        ] as [(String, Int64, String, String, Int64?)])
    func fresh(_ payload: String, _ id: Int64, _ username: String, _ name: String, _ college: Int64?) throws {
        let added = try findOrAdd(payload)
        let again = try findOrAdd(payload)
        let stored = try #require(try store.accounts.user(UserID(id)))
        for user in [added, again, stored] {
            #expect(user.id == UserID(id))
            #expect([user.username, user.name] == [username, name])
            #expect(user.college == college.map { CollegeID($0) })
        }
        #expect(try store.accounts.allUsers().count == 1)
    }

    @Test("a username that is somebody else's gets the id appended, and then something more")
    func takenUsername() throws {
        _ = try add("asha")
        #expect(try findOrAdd(#"{"sub":9,"username":"Asha"}"#).username == "Asha-9")
        _ = try add("asha-100")
        #expect(try findOrAdd(#"{"sub":100,"username":"asha"}"#).username == "asha-100-")
        _ = try add("user200")
        #expect(try findOrAdd(#"{"sub":200}"#).username == "user200-200")
        let long = String(repeating: "x", count: 150)
        _ = try add(long)
        let shortened = try findOrAdd(#"{"sub":4503599627370496,"username":"\#(long)"}"#).username
        #expect(User.isUsername(shortened))
        #expect(shortened.hasSuffix("x-4503599627370496"))
    }

    @Test("whoever is added after the highest id of a token has a higher one that JavaScript holds")
    func laterIDs() throws {
        _ = try findOrAdd(#"{"sub":4503599627370496}"#)
        #expect(try add("asha").id == UserID((1 << 52) + 1))
        #expect(try findOrAdd(#"{"sub":7}"#).id == UserID(7))
        #expect(try add("ben").id == UserID((1 << 52) + 2))
    }
}
