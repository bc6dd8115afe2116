internal import CLibuv

/// What this process takes of the machine. Reading it takes some system calls, and where the kernel does not tell the
/// number of open descriptors at once, time that grows with it: not for an event loop.
package struct ProcessUsage: Sendable {
    package let processorSeconds: Double
    package let residentBytes: Int
    /// `nil` where the system does not say.
    package let openDescriptors: Int?
    package let maximalDescriptors: Int

    package static var now: ProcessUsage {
        var usage = uv_rusage_t()
        var resident = 0
        unsafe uv_getrusage(&usage)
        unsafe uv_resident_set_memory(&resident)
        return ProcessUsage(
            processorSeconds: usage.ru_utime.seconds + usage.ru_stime.seconds, residentBytes: resident,
            openDescriptors: countDescriptors(), maximalDescriptors: System.descriptorLimit)
    }

    private static func countDescriptors() -> Int? {
        let folder = "/proc/self/fd"
        // Linux 6.2 and later tell.
        if let count = FileStamp(ofFileAt: folder)?.size, count > 0 { return Int(count) }
        var request = unsafe uv_fs_t()
        defer { unsafe uv_fs_req_cleanup(&request) }
        let count = unsafe uv_fs_scandir(nil, &request, folder, 0, nil)
        // The folder itself was open.
        return count > 0 ? Int(count) - 1 : nil
    }
}

extension uv_timeval_t {
    fileprivate var seconds: Double { Double(tv_sec) + Double(tv_usec) / 1_000_000 }
}
