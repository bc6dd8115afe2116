internal import CLibuv

/// What changes when a file does: when it was last written, its size and its number.
package struct FileStamp: Equatable, Sendable {
    private let seconds, nanoseconds: Int
    package let size: UInt64
    private let number: UInt64
    /// Whether people who are neither its owner nor of its group may read it.
    package let isReadableByEverybody: Bool

    /// `nil` where there is no such file. Takes about a microsecond.
    package init?(ofFileAt path: String) {
        var request = unsafe uv_fs_t()
        defer { unsafe uv_fs_req_cleanup(&request) }
        guard unsafe uv_fs_stat(nil, &request, path, nil) == 0 else { return nil }
        let status = unsafe request.statbuf
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
        size = status.st_size
        number = status.st_ino
        isReadableByEverybody = status.st_mode & 0o004 != 0
    }
}
