import Testing

@testable import WebSocket

/// What is agreed on for permessage-deflate (RFC 7692, section 7.1).
@Suite struct CompressionTests {
    private static func preferences(keepsContext: Bool, windowBits: Int = 15) -> Compression.Preferences {
        var preferences = Compression.Preferences()
        preferences.keepsContext = keepsContext
        preferences.windowBits = windowBits
        return preferences
    }

    private static let noContext = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    @Test(
        "without contexts, both sides are asked to keep none",
        arguments: [
            ("permessage-deflate", noContext), ("permessage-deflate; client_max_window_bits", noContext),
            ("Permessage-Deflate", noContext), ("permessage-deflate;client_max_window_bits=10", noContext),
            ("permessage-deflate; server_max_window_bits=10", noContext + "; server_max_window_bits=10"),
            ("permessage-deflate; server_max_window_bits=\"10\"", noContext + "; server_max_window_bits=10"),
            ("x-webkit-deflate-frame, permessage-deflate", noContext),
            // Empty elements are none (RFC 9110, section 5.6.1.2).
            (",permessage-deflate, ", noContext), ("x-webkit-deflate-frame,\t,permessage-deflate", noContext),
            ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", noContext),
            // The first offer that can be fulfilled counts.
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate", noContext),
            (
                "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=9",
                noContext + "; server_max_window_bits=9"
            ),
        ])
    func withoutContext(_ offer: String, _ answer: String) {
        #expect(Compression(offeredBy: offer)?.header == answer)
    }

    @Test(
        "contexts are kept by those who are willing, as far back as both want",
        arguments: [
            ("permessage-deflate", 15, "permessage-deflate", 15, 15),
            ("permessage-deflate", 12, "permessage-deflate; server_max_window_bits=12", 12, 15),
            (
                "permessage-deflate; client_max_window_bits", 12,
                "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12", 12, 12
            ),
            (
                "permessage-deflate; client_max_window_bits=8; server_max_window_bits=9", 12,
                "permessage-deflate; server_max_window_bits=9; client_max_window_bits=8", 9, 8
            ),
            (
                "permessage-deflate; server_no_context_takeover", 12,
                "permessage-deflate; server_no_context_takeover", 15, 15
            ),
            (
                "permessage-deflate; client_no_context_takeover; client_max_window_bits", 15,
                "permessage-deflate; client_no_context_takeover", 15, 15
            ),
        ])
    func withContext(_ offer: String, _ bits: Int, _ answer: String, _ server: Int, _ client: Int) throws {
        let agreed = try #require(
            Compression(offeredBy: offer, Self.preferences(keepsContext: true, windowBits: bits)))
        #expect(agreed.header == answer)
        #expect(agreed.serverWindowBits == server)
        #expect(agreed.clientWindowBits == client)
        #expect(agreed.serverKeepsContext != answer.contains("server_no_context_takeover"))
        #expect(agreed.clientKeepsContext != answer.contains("client_no_context_takeover"))
    }

    @Test(
        "what can't be fulfilled, or is no offer, is passed over",
        arguments: [
            "", "deflate", "x-webkit-deflate-frame", "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=010", "permessage-deflate; server_max_window_bits=",
            "permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=\"\"",
            "permessage-deflate; server_no_context_takeover=1", "permessage-deflate; client_no_context_takeover=true",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover", "permessage-deflate; unknown",
            "permessage-deflate;", "permessage-deflate; =8", "permessage deflate",
            "permessage-deflate; server_max_window_bits=\"10", "permessage-deflate\u{0}",
        ])
    func refused(_ offer: String) {
        for keepsContext in [false, true] {
            #expect(Compression(offeredBy: offer, Self.preferences(keepsContext: keepsContext)) == nil)
        }
    }

    @Test("nothing is agreed on where nothing is offered")
    func nothing() { #expect(Compression(offeredBy: nil) == nil) }
}
