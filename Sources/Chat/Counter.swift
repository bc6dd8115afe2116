/// What can be done to the shared counter: one 64-bit number that outlives the server.
package enum CounterAction: Sendable, Equatable {
    case increment(Int64)
    case decrement(Int64)
    /// To zero.
    case reset

    /// The counter's value afterwards, or `nil` when it would leave 64 bits.
    package func applied(to value: Int64) -> Int64? {
        switch self {
        case .increment(let amount):
            let (sum, overflow) = value.addingReportingOverflow(amount)
            return overflow ? nil : sum
        case .decrement(let amount):
            let (difference, overflow) = value.subtractingReportingOverflow(amount)
            return overflow ? nil : difference
        case .reset:
            return 0
        }
    }

    /// What leads from one value to another.
    package init(from before: Int64, to value: Int64) {
        if value == 0 {
            self = .reset
        } else if value > before {
            self = .increment(value &- before)
        } else {
            self = .decrement(before &- value)
        }
    }

    /// What the counter was before this has made it `total`; `nil` where that can't be told.
    package func base(of total: Int64) -> Int64? {
        switch self {
        case .increment(let amount): total &- amount
        case .decrement(let amount): total &+ amount
        case .reset: nil
        }
    }
}
