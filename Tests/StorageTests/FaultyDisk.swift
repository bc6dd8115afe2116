import FaultyFiles
import Foundation
import Storage
import Testing

/// A folder on a disk that fails when it is told to, and forgets what was not synced when its power is cut.
@safe final class FaultyDisk {
    private let folder = try? TemporaryFolder()
    private let disk: OpaquePointer

    /// - Parameters:
    ///   - template: A database to begin with.
    ///   - seed: Decides what is lost when the power is cut.
    init(from template: String? = nil, seed: Int) throws {
        let database = folder?.database ?? ""
        if let template { try FileManager.default.copyItem(atPath: template, toPath: database) }
        let path = URL(filePath: database).deletingLastPathComponent().path
        guard let disk = unsafe faultyDiskMake(path, UInt64(seed)) else { throw Unexpected("no disk") }
        unsafe self.disk = disk
    }

    deinit { unsafe faultyDiskFree(disk) }

    var database: String { folder?.database ?? "" }

    /// Lets operations fail: of those that the fault can meet the ones in `numbers`, counted from 1 and from now on.
    func plan(_ fault: Fault, _ numbers: ClosedRange<Int>) {
        unsafe faultyDiskPlan(
            disk, fault.kind, Int32(bitPattern: faultyAny.rawValue), Int64(numbers.lowerBound),
            Int64(numbers.upperBound))
    }

    func work() { unsafe faultyDiskPlan(disk, faultNone, 0, 0, 0) }

    /// Whether the fault was met.
    var hasFailed: Bool { unsafe faultyDiskMet(disk) > 0 }
    var isDead: Bool { unsafe faultyDiskIsDead(disk) }

    /// Ends a process; the next one finds what it wrote.
    ///
    /// - Parameter process: Holds all that is open, and lets go of it.
    func kill<Process>(_ process: inout Process?) {
        unsafe faultyDiskDie(disk)
        process = nil
        unsafe faultyDiskRevive(disk)
    }

    /// Ends a process; the next one finds what was synced, and by chance some of what was not.
    func cutPower<Process>(_ process: inout Process?) {
        unsafe faultyDiskDie(disk)
        process = nil
        unsafe faultyDiskCutPower(disk)
    }
}

/// What can go wrong.
enum Fault: String, CaseIterable, CustomTestStringConvertible {
    case write, full, sync, truncate, read, lock, open, map, torn, death

    fileprivate var kind: FaultKind {
        switch self {
        case .write: faultWrite
        case .full: faultFull
        case .sync: faultSync
        case .truncate: faultTruncate
        case .read: faultRead
        case .lock: faultLock
        case .open: faultOpen
        case .map: faultMap
        case .torn: faultTorn
        case .death: faultDeath
        }
    }

    var testDescription: String { rawValue }
}
