/// Metrics in the text format of Prometheus, version 0.0.4, family by family.
///
/// Names of metrics and of labels are the program's own (`StaticString`); values of labels are escaped.
package struct Exposition {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package enum Kind: String { case counter, gauge, histogram }

    package typealias Label = (name: StaticString, value: String)

    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// Writes what a metric is, and then its samples.
    ///
    /// - Parameters:
    ///   - name: With its unit, and `_total` at the end where it is a counter.
    ///   - help: One line.
    package mutating func family(
        _ name: StaticString, _ kind: Kind, _ help: StaticString, _ samples: (inout Family) -> Void
    ) {
        bytes.append("# HELP \(name) ")
        bytes.append("\(help)", escapingQuotes: false)
        bytes.append("\n# TYPE \(name) \(kind.rawValue)\n")
        var family = Family(name: name)
        samples(&family)
        bytes += family.bytes
    }

    /// A metric with one sample.
    package mutating func family(_ name: StaticString, _ kind: Kind, _ help: StaticString, value: UInt64) {
        family(name, kind, help) { $0.sample(value) }
    }

    package mutating func family(_ name: StaticString, _ kind: Kind, _ help: StaticString, value: Double) {
        family(name, kind, help) { $0.sample(value) }
    }

    /// The samples of one metric, which differ in their labels.
    package struct Family {
        fileprivate let name: StaticString
        fileprivate var bytes: [UInt8] = []

        package mutating func sample(_ value: UInt64, _ labels: Label...) { write("", labels, "\(value)") }

        package mutating func sample(_ value: Double, _ labels: Label...) { write("", labels, value.sampleText) }

        /// A sample for each bound with all that is within it, for `+Inf` with everything, then the sum and the count.
        package mutating func sample(_ histogram: Histogram, _ labels: Label...) {
            for (bound, count) in histogram.cumulative {
                write("_bucket", labels + [("le", bound.sampleText)], "\(count)")
            }
            let count = histogram.count
            write("_bucket", labels + [("le", "+Inf")], "\(count)")
            write("_sum", labels, (Double(histogram.sum) / histogram.scale.unitsInBase).sampleText)
            write("_count", labels, "\(count)")
        }

        private mutating func write(_ suffix: StaticString, _ labels: [Label], _ value: String) {
            bytes.append("\(name)\(suffix)")
            for (index, label) in labels.enumerated() {
                bytes.append("\(index == 0 ? "{" : ",")\(label.name)=\"")
                bytes.append(label.value, escapingQuotes: true)
                bytes.append("\"")
            }
            bytes.append("\(labels.isEmpty ? "" : "}") \(value)\n")
        }
    }
}

extension Double {
    /// As the format has it: whole numbers without a point.
    fileprivate var sampleText: String {
        if isNaN { return "NaN" }
        if isInfinite { return self < 0 ? "-Inf" : "+Inf" }
        return self == rounded() && magnitude < 1e15 ? "\(Int64(self))" : "\(self)"
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ text: String) { append(contentsOf: text.utf8) }

    /// A backslash and the end of a line are escaped everywhere, a quote within quotes.
    fileprivate mutating func append(_ text: String, escapingQuotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): self += [byte, byte]
            case UInt8(ascii: "\n"): self += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case UInt8(ascii: "\"") where escapingQuotes: self += [UInt8(ascii: "\\"), byte]
            default: append(byte)
            }
        }
    }
}
