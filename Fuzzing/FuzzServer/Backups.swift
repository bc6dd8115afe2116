import Chat
import Foundation

@testable import Server

/// A file of this process alone. libFuzzer's own processes, as it merges, run side by side.
private let path = FileManager.default.temporaryDirectory
    .appending(path: "switchboard-fuzz-\(ProcessInfo.processInfo.processIdentifier)").path

/// A file is intact if its last line is the seal of all before it. Sealed, any file is intact, and no longer with a bit
/// changed, an end cut off, or one written on.
///
/// - Parameter input: A byte that says where it is changed, and the file.
func readBackup(_ input: [UInt8]) {
    guard let choice = input.first.map(Int.init) else { return }
    let file = Array(input.dropFirst())
    defer { try? FileManager.default.removeItem(atPath: path) }

    let length = seal(of: file).count
    if state(of: file) == .intact {
        precondition(file.count >= length && seal(of: file.dropLast(length)) == file.suffix(length), "no seal of this")
    }
    let sealed = file + seal(of: file)
    precondition(state(of: sealed) == .intact, "what was sealed is not")
    var changed = sealed
    changed[choice * 31 % changed.count] ^= 1 << (choice & 7)
    precondition(state(of: changed) != .intact, "a change is not noticed")
    precondition(state(of: sealed.dropLast(1 + choice % (length - 1))) != .intact, "an end was cut off")
    precondition(state(of: sealed + [UInt8(choice)]) != .intact, "an end was written on")
}

private func seal(of file: some Sequence<UInt8>) -> [UInt8] {
    write(file)
    do { return try BackupSeal.make(forFileAt: path) } catch { preconditionFailure("\(error)") }
}

private func state(of file: some Sequence<UInt8>) -> BackupSeal.State {
    write(file)
    do { return try BackupSeal.check(path) } catch { preconditionFailure("\(error)") }
}

private func write(_ file: some Sequence<UInt8>) {
    do { try Data(file).write(to: URL(filePath: path)) } catch { preconditionFailure("\(error)") }
}

/// A pong's payload names a message if it has eight bytes, and then it is that message's own.
func readCursor(_ payload: [UInt8]) {
    let message = MessageID(cursor: payload.span)
    precondition((message != nil) == (payload.count == 8), "something else is taken for a message")
    if let message { precondition(message.cursor == payload, "another message is written") }
    acknowledge(message ?? MessageID(0))
}

/// Of what a pong says, only the message that was asked for counts.
private func acknowledge(_ message: MessageID) {
    var account = DeliveryAccount()
    account.begin(after: MessageID(1), newest: MessageID(1), isUndecided: false)
    account.sent(upTo: MessageID(5))
    precondition(account.ask() == MessageID(5))
    precondition(account.acknowledged(message) == (message == MessageID(5)), "an answer to another question")
    precondition(account.isUnderWay == (message != MessageID(5)), "what nobody has is taken for arrived")
}
