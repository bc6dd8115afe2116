import Chat
import Foundation
import JSON
import Server
import Storage

/// `switchboard user`
enum UserCommand {
    private static let help = """
        Adds, lists, switches off and deletes people. USER is a username or an id.

        USAGE: switchboard user add USERNAME --name "Full Name" [--college N] [--admin] [--password-stdin] [--json]
               switchboard user list [--json]
               switchboard user disable USER
               switchboard user enable USER
               switchboard user delete USER [--keep-messages]

        `add` prints the new id. A username has up to 150 letters, digits and @ . + - _, not digits alone.
        Who is disabled can't sign in, and live connections end within a second; `enable` gives all that back. `delete`
        returns when nothing of the person is left in the database but the id, under the name "Deleted user".

        OPTIONS:
          --name NAME       the full name, as others read it
          --college N       the college's number
          --admin           may do over HTTP what needs an administrator
          --password-stdin  read the password from the first line of standard input; without one, the person
                            signs in with tokens only
          --keep-messages   leave what the person wrote, as a deleted user's
          --json            for machines
        \(Arguments.commonHelp)
        """

    static func run(_ words: [String]) async throws {
        let arguments = try Arguments(
            Array(words.dropFirst()), flags: Arguments.commonFlags.union(["--name", "--college"]),
            switches: ["--json", "--admin", "--password-stdin", "--keep-messages"], help: help)
        switch words.first {
        case "add": try add(arguments)
        case "list": try list(arguments)
        case "disable": try UserStateCommand.setDisabled(true, arguments)
        case "enable": try UserStateCommand.setDisabled(false, arguments)
        case "delete": try await UserStateCommand.delete(arguments)
        case "--help", "-h", "--version": _ = try Arguments(words, flags: [], switches: [], help: help)
        case let other:
            throw UsageError(
                "user: add, list, disable, enable or delete, not \"\(other ?? "")\"; see switchboard user --help")
        }
    }

    private static func add(_ arguments: Arguments) throws {
        let username = try arguments.onlyWord("USERNAME")
        guard User.isUsername(username) else {
            throw UsageError(
                "USERNAME \"\(username)\": allowed are 1 to 150 letters, digits and @ . + - _, not digits alone")
        }
        let name = try arguments.required("--name")
        guard User.isName(name) else {
            throw UsageError("--name (flag): allowed are 1 to 300 characters")
        }
        var college: CollegeID?
        if let text = arguments.value("--college") {
            guard let number = Int64(text), number > 0 else {
                throw UsageError("--college (flag): \"\(text)\" is not allowed; allowed is a number, 1 or more")
            }
            college = CollegeID(number)
        }
        var password: String?
        if arguments.has("--password-stdin") {
            guard let line = readLine(), !line.isEmpty else { throw UsageError("--password-stdin: no password came") }
            password = PasswordHash.make(of: line)
        }
        let store = try CommandStore.open(arguments)
        let user: User
        do {
            user = try store.transaction { () throws(StoreError) in
                try store.accounts.add(
                    username: username, name: name, college: college, password: password,
                    isAdministrator: arguments.has("--admin"), at: .now)
            }
        } catch {
            throw Failure(error.isConstraint ? "the username \"\(username)\" is taken" : "\(error)")
        }
        if arguments.has("--json") {
            Terminal.printJSON { json in json.object { user.write(members: &$0) } }
        } else {
            Terminal.print("\(user.id)")
        }
    }

    private static func list(_ arguments: Arguments) throws {
        try arguments.noWords()
        let users = try CommandStore.open(arguments).accounts.allUsers()
        if arguments.has("--json") {
            Terminal.printJSON { json in
                json.array { list in for user in users { list.object { user.write(members: &$0) } } }
            }
        } else {
            for user in users {
                let college = user.college.map { "\tcollege \($0.rawValue)" } ?? ""
                Terminal.print("\(user.id)\t\(user.username)\t\(user.name)\(college)")
            }
        }
    }
}
