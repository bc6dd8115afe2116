internal import CLibuv

/// A file that gets its name once it is whole and on the disk. Until then it is called `NAME.partial`: what a process
/// that was killed left there is written over, what another one is writing is left alone.
package final class PartialFile {
    /// Where it is until it is finished.
    package let path: String
    package let name: String
    private let descriptor: Int32
    private var isFinished = false

    /// - Throws: ``IOError/busy`` while another process writes it.
    package init(for name: String) throws(IOError) {
        self.name = name
        path = name + ".partial"
        descriptor = try IOError.check(unsafe switchboard_open_alone(path))
    }

    deinit {
        if !isFinished { System.unlink(path) }
        close(descriptor)
    }

    /// Adds bytes at the end.
    package func append(_ bytes: [UInt8]) throws(IOError) {
        lseek(descriptor, 0, SEEK_END)
        if let error = System.write(bytes, to: descriptor) { throw error }
    }

    /// Writes over bytes that are there.
    package func overwrite(_ bytes: [UInt8], at offset: Int) throws(IOError) {
        lseek(descriptor, off_t(offset), SEEK_SET)
        if let error = System.write(bytes, to: descriptor) { throw error }
    }

    /// Gives it its name; after that nothing can take it away.
    ///
    /// - Parameter replacing: Whether a file that has the name already goes; else that is an error, ``IOError/exists``.
    package func finish(replacing: Bool) throws(IOError) {
        if fsync(descriptor) != 0 { throw IOError.last }
        try IOError.check(unsafe switchboard_rename(path, name, replacing ? 1 : 0))
        isFinished = true
        let folder = name.contains("/") ? name[...name.lastIndex(of: "/")!] : "."
        try IOError.check(unsafe switchboard_sync_folder(String(folder)))
    }
}
