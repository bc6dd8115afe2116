import Metrics
import Testing

@Suite struct ExpositionTests {
    private func text(_ write: (inout Exposition) -> Void) -> String {
        var exposition = Exposition()
        write(&exposition)
        return String(decoding: exposition.bytes, as: UTF8.self)
    }

    @Test("a family is its help, its type and its samples")
    func family() {
        let text = text {
            $0.family("jobs_total", .counter, "Jobs done.") {
                $0.sample(3 as UInt64, ("kind", "small"))
                $0.sample(0 as UInt64, ("kind", "large"), ("place", "north"))
            }
            $0.family("jobs_waiting", .gauge, "Jobs that wait.", value: 7 as UInt64)
        }
        #expect(
            text == """
                # HELP jobs_total Jobs done.
                # TYPE jobs_total counter
                jobs_total{kind="small"} 3
                jobs_total{kind="large",place="north"} 0
                # HELP jobs_waiting Jobs that wait.
                # TYPE jobs_waiting gauge
                jobs_waiting 7

                """)
    }

    @Test(
        "a label's value can't end its quotes or its line",
        arguments: [
            ("plain", "plain"), (#"a"b"#, #"a\"b"#), (#"a\b"#, #"a\\b"#), ("a\nb", #"a\nb"#), (#"\n"#, #"\\n"#),
            ("é", "é"),
            ("", ""), ("a{}= ,b", "a{}= ,b"),
        ])
    func labels(_ value: String, _ written: String) {
        #expect(
            text { $0.family("m", .gauge, "h") { $0.sample(1 as UInt64, ("l", value)) } }
                == "# HELP m h\n# TYPE m gauge\nm{l=\"\(written)\"} 1\n")
    }

    @Test("in a help, quotes stay and lines do not end")
    func help() {
        #expect(
            text { $0.family("m", .gauge, "a \"b\" \\ c\nd", value: 1 as UInt64) }
                == "# HELP m a \"b\" \\\\ c\\nd\n# TYPE m gauge\nm 1\n")
    }

    @Test(
        "numbers are written as Prometheus reads them",
        arguments: [
            (0, "0"), (-2, "-2"), (0.25, "0.25"), (1e-6, "1e-06"), (123_456_789, "123456789"), (1e300, "1e+300"),
            (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
        ] as [(Double, String)])
    func numbers(_ value: Double, _ written: String) {
        #expect(
            text { $0.family("m", .gauge, "h", value: value) } == "# HELP m h\n# TYPE m gauge\nm \(written)\n")
    }

    @Test("a histogram has a sample for each bound, for +Inf, the sum and the count, all with its labels")
    func histogram() {
        var histogram = Histogram(Histogram.Scale(bounds: [500, 1000, 2_000_000], unitsInBase: 1_000_000))
        for value in [400, 500, 1500, 3_000_000] as [UInt64] { histogram.note(value) }
        let text = text {
            $0.family("wait_seconds", .histogram, "How long.") { $0.sample(histogram, ("at", "door")) }
        }
        #expect(
            text == """
                # HELP wait_seconds How long.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{at="door",le="0.0005"} 2
                wait_seconds_bucket{at="door",le="0.001"} 2
                wait_seconds_bucket{at="door",le="2"} 3
                wait_seconds_bucket{at="door",le="+Inf"} 4
                wait_seconds_sum{at="door"} 3.0024
                wait_seconds_count{at="door"} 4

                """)
    }

    @Test("an empty histogram shows all its bounds")
    func emptyHistogram() {
        let text = text { $0.family("m", .histogram, "h") { $0.sample(Histogram(.latency)) } }
        #expect(text.contains("m_bucket{le=\"0.0001\"} 0\n"))
        #expect(text.contains("m_bucket{le=\"10\"} 0\n"))
        #expect(text.hasSuffix("m_bucket{le=\"+Inf\"} 0\nm_sum 0\nm_count 0\n"))
    }
}
