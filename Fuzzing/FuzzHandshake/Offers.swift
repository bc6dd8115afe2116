@testable import WebSocket

private let preferences = [
    (keepsContext: false, windowBits: 15), (keepsContext: true, windowBits: 15), (keepsContext: true, windowBits: 9),
].map { wish in
    var preferences = Compression.Preferences()
    preferences.keepsContext = wish.keepsContext
    preferences.windowBits = wish.windowBits
    return preferences
}

/// Offers that are read, written anew, read back as the same; and what the server takes of them is the first that it
/// can fulfil, within the limits that RFC 7692 sets to the answer (section 7.1).
func readOffers(_ header: String) {
    guard let offers = ExtensionOffer.list(header) else {
        precondition(Compression(offeredBy: header) == nil, "something is taken from a malformed header")
        return
    }
    for offer in offers {
        precondition(Set(offer.parameters.map(\.name)).count == offer.parameters.count, "a parameter stands twice")
    }
    let written = offers.map(\.written)
    precondition(
        ExtensionOffer.list(written.joined(separator: ", ")) == offers, "what was written reads back as something else")
    for preference in preferences {
        let agreed = Compression(offeredBy: header, preference)
        let first = written.indices.lazy.compactMap { index in
            Compression(offeredBy: written[index], preference).map { (index, $0) }
        }.first
        precondition(agreed == first?.1, "another than the first good offer is taken")
        if let agreed, let index = first?.0 { check(agreed, of: offers[index], preference) }
    }
}

private func check(_ agreed: Compression, of offer: ExtensionOffer, _ preferences: Compression.Preferences) {
    precondition((9...15).contains(agreed.serverWindowBits) && (8...15).contains(agreed.clientWindowBits))
    precondition(preferences.keepsContext || !agreed.serverKeepsContext && !agreed.clientKeepsContext)
    let offered = offer.values
    guard let answers = ExtensionOffer.list(agreed.header), answers.count == 1 else {
        preconditionFailure("the answer is not one extension")
    }
    precondition(offer.name == "permessage-deflate" && answers[0].name == offer.name, "another extension is agreed on")
    let answer = answers[0].values

    // Sections 7.1.1.1 and 7.1.2.1: a client that asks something of the server must hear that it is granted.
    precondition((answer["server_no_context_takeover"] != nil) == !agreed.serverKeepsContext)
    precondition((answer["client_no_context_takeover"] != nil) == !agreed.clientKeepsContext)
    precondition(offered["server_no_context_takeover"] == nil || !agreed.serverKeepsContext)
    precondition(offered["client_no_context_takeover"] == nil || !agreed.clientKeepsContext)
    if let asked = offered["server_max_window_bits"] {
        precondition(asked.flatMap(Int.init).map { agreed.serverWindowBits <= $0 } ?? false, "too large a window")
        precondition(answer["server_max_window_bits"] != nil, "a limit is taken without a word")
    }
    precondition(answer["server_max_window_bits"].map { $0 == "\(agreed.serverWindowBits)" } ?? true)
    precondition(agreed.serverWindowBits == 15 || answer["server_max_window_bits"] != nil)

    // Section 7.1.2.2: a client that does not offer to limit its window can't be asked to, nor to have a larger one.
    if let told = answer["client_max_window_bits"] {
        guard let limit = offered["client_max_window_bits"] else { preconditionFailure("a limit that was not offered") }
        precondition(told == "\(agreed.clientWindowBits)", "the client is told of another window")
        precondition(limit.map { agreed.clientWindowBits <= Int($0) ?? 0 } ?? true, "a larger window than offered")
    } else {
        precondition(agreed.clientWindowBits == 15, "a window is taken for small that may be large")
    }
    let again = Compression(offeredBy: agreed.header, preferences)
    precondition(again == agreed, "the answer, offered, comes to something else")
}

extension ExtensionOffer {
    fileprivate var written: String {
        name + parameters.map { "; " + $0.name + ($0.value.map { "=\($0)" } ?? "") }.joined()
    }

    fileprivate var values: [String: String?] {
        Dictionary(parameters.map { ($0.name, $0.value) }) { first, _ in first }
    }
}
