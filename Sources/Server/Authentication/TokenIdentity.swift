package import Chat
package import JWT
package import Storage

/// Who a JWT says its bearer is: what is needed to find the person, or to make an account.
package struct TokenIdentity: Sendable {
    /// Whose id is in the token, or their username.
    package enum Name: Sendable, Equatable {
        case id(UserID)
        case username(String)
    }

    package let name: Name
    private let username: String?
    private let fullName: String?
    private let college: CollegeID?

    /// What JavaScript's numbers hold.
    private static let ids: ClosedRange<Int64> = 1...(1 << 53) - 1
    /// Accounts that are made later get higher ids, and those must be such numbers too.
    private static let newIDs: ClosedRange<Int64> = 1...1 << 52

    /// - Returns: `nil` when no claim says who it is.
    package init?(_ claims: Claims, _ settings: JWTSettings) {
        switch claims.first(of: settings.idClaims) {
        case .integer(let id) where Self.ids.contains(id): name = .id(UserID(id))
        case .string(let text):
            if let id = Int64(digits: text) {
                guard Self.ids.contains(id) else { return nil }
                name = .id(UserID(id))
            } else {
                guard User.isUsername(text) else { return nil }
                name = .username(text)
            }
        case .integer, .other, nil: return nil
        }
        username = claims.text(of: settings.usernameClaims).flatMap { User.isUsername($0) ? $0 : nil }
        fullName = claims.text(of: settings.nameClaims).flatMap { User.isName($0) ? $0 : nil }
        college =
            switch claims.first(of: settings.collegeClaims) {
            case .integer(let number) where Self.ids.contains(number): CollegeID(number)
            case .string(let text): Int64(digits: text).flatMap { Self.ids.contains($0) ? CollegeID($0) : nil }
            case .integer, .other, nil: nil
            }
    }

    /// Whether an account can be made for it.
    package var canBeAdded: Bool {
        switch name {
        case .id(let id): Self.newIDs.contains(id.rawValue)
        case .username: true
        }
    }

    /// The person, if there is an account.
    package func find(in accounts: Accounts) throws(StoreError) -> User? {
        switch name {
        case .id(let id): try accounts.user(id)
        case .username(let username): try accounts.user(named: username)
        }
    }

    /// The person, with a new account where there was none, inside a transaction.
    func findOrAdd(to accounts: Accounts) throws(StoreError) -> User {
        if let user = try find(in: accounts) { return user }
        let id: UserID?
        var free: String
        switch name {
        case .username(let name): (id, free) = (nil, name)
        case .id(let number):
            id = number
            free = username ?? "user\(number)"
            // Somebody else's already: the id tells who is meant.
            if try accounts.user(named: free) != nil { free = "\(free.prefix(120))-\(number)" }
            while try accounts.user(named: free) != nil { free += "-" }
        }
        return try accounts.add(
            id: id, username: free, name: fullName ?? free, college: college, password: nil, at: .now)
    }
}

extension Claims {
    fileprivate func text(of names: [String]) -> String? {
        if case .string(let text) = first(of: names) { text } else { nil }
    }
}
