/// What a client and the server have agreed on for permessage-deflate (RFC 7692, section 7.1).
package struct Compression: Equatable, Sendable {
    /// Whether a message of the server may refer to those before it: then it is compressed for this client alone.
    package let serverKeepsContext: Bool
    package let clientKeepsContext: Bool
    /// How far back the server's messages may refer, as a power of two: 9 to 15.
    package let serverWindowBits: Int
    /// How far back the client's messages refer at the most: 8 to 15.
    package let clientWindowBits: Int
    private let namesServerWindow, namesClientWindow: Bool

    /// What the server likes.
    package struct Preferences: Sendable {
        /// Whether contexts are kept, by whichever side is willing to.
        package var keepsContext = false
        /// Of a context that is kept; 9 to 15.
        package var windowBits = 15

        package init() {}
    }

    /// Takes the first offer that the server can fulfil; `nil` without one.
    ///
    /// - Parameter header: `Sec-WebSocket-Extensions`; what is no such header offers nothing.
    package init?(offeredBy header: String?, _ preferences: Preferences = Preferences()) {
        guard let header, let offers = ExtensionOffer.list(header) else { return nil }
        for offer in offers where offer.name == "permessage-deflate" {
            if let agreed = Compression(offer, preferences) {
                self = agreed
                return
            }
        }
        return nil
    }

    private init?(_ offer: ExtensionOffer, _ preferences: Preferences) {
        var (serverMayKeep, clientMayKeep) = (true, true)
        var (serverBits, clientBits): (Int?, Int?)
        for (name, value) in offer.parameters {
            switch (name, value) {
            case ("server_no_context_takeover", nil): serverMayKeep = false
            case ("client_no_context_takeover", nil): clientMayKeep = false
            // zlib can't compress with a window of 8 bits.
            case ("server_max_window_bits", let value?):
                guard let bits = Self.windowBits(value), bits > 8 else { return nil }
                serverBits = bits
            case ("client_max_window_bits", let value?):
                guard let bits = Self.windowBits(value) else { return nil }
                clientBits = bits
            case ("client_max_window_bits", nil): clientBits = 15
            default: return nil
            }
        }
        serverKeepsContext = preferences.keepsContext && serverMayKeep
        clientKeepsContext = preferences.keepsContext && clientMayKeep
        serverWindowBits = min(serverBits ?? 15, serverKeepsContext ? preferences.windowBits : 15)
        namesServerWindow = serverBits != nil || serverWindowBits < 15
        // A client that does not offer it can't be asked to.
        namesClientWindow = clientBits != nil && clientKeepsContext
        clientWindowBits = namesClientWindow ? min(clientBits ?? 15, preferences.windowBits) : 15
    }

    /// 8 to 15, without a zero in front.
    private static func windowBits(_ text: String) -> Int? {
        Int(text).flatMap { (8...15).contains($0) && "\($0)" == text ? $0 : nil }
    }

    /// The value of `Sec-WebSocket-Extensions` in the server's answer.
    package var header: String {
        var header = "permessage-deflate"
        if !serverKeepsContext { header += "; server_no_context_takeover" }
        if !clientKeepsContext { header += "; client_no_context_takeover" }
        if namesServerWindow { header += "; server_max_window_bits=\(serverWindowBits)" }
        if namesClientWindow { header += "; client_max_window_bits=\(clientWindowBits)" }
        return header
    }
}

/// One offer in `Sec-WebSocket-Extensions` (RFC 6455, section 9.1).
struct ExtensionOffer: Equatable {
    let name: String
    let parameters: [(name: String, value: String?)]

    static func == (left: Self, right: Self) -> Bool {
        left.name == right.name && left.parameters.elementsEqual(right.parameters, by: ==)
    }

    /// The offers of a header in their order; `nil` if it is malformed, and without an offer in which a parameter stands
    /// twice.
    static func list(_ header: String) -> [ExtensionOffer]? {
        var offers: [ExtensionOffer] = []
        for element in header.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            // RFC 9110, section 5.6.1.2.
            if trimmed(element).isEmpty { continue }
            var parts = element.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)[...]
            guard let name = token(parts.removeFirst()) else { return nil }
            var parameters: [(name: String, value: String?)] = []
            for part in parts {
                let sides = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                guard let name = token(sides[0]) else { return nil }
                guard sides.count == 2 else {
                    parameters.append((name, nil))
                    continue
                }
                guard let value = value(sides[1]) else { return nil }
                parameters.append((name, value))
            }
            if Set(parameters.map(\.name)).count == parameters.count {
                offers.append(ExtensionOffer(name: name, parameters: parameters))
            }
        }
        return offers
    }

    private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text = text.dropLast() }
        return text
    }

    private static func token(_ text: Substring.UTF8View) -> String? {
        let text = trimmed(text)
        let isToken = text.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        }
        return isToken && !text.isEmpty ? String(Substring(text)).lowercased() : nil
    }

    /// A token, bare or in quotes; no parameter that the server knows has a comma or an escape in its value.
    private static func value(_ text: Substring.UTF8View) -> String? {
        let text = trimmed(text)
        guard text.first == UInt8(ascii: "\"") else { return token(text) }
        return text.count > 2 && text.last == UInt8(ascii: "\"") ? token(text.dropFirst().dropLast()) : nil
    }
}
