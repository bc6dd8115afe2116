/// When the next attempt is made to connect: after 50 ms, then twice as long each time, up to a second.
struct PostgreSQLRetry {
    private var pause = Duration.zero
    private var next: ContinuousClock.Instant?
    private var error: StoreError?

    /// Why there is no attempt yet.
    var reasonToWait: StoreError? { if let next, ContinuousClock.now < next { error } else { nil } }

    mutating func failed(_ error: StoreError) {
        pause = min(.seconds(1), max(.milliseconds(50), pause * 2))
        next = .now + pause
        self.error = error
    }

    mutating func succeeded() { self = PostgreSQLRetry() }
}
