import JSON

/// A token taken apart: `header.payload.signature`, each in base64url (RFC 7515, section 7.1).
struct CompactToken {
    /// What the signature is over.
    let signed: [UInt8]
    private let parts: [ArraySlice<UInt8>]

    init(_ token: String) throws(Refusal) {
        let count = token.utf8.count
        guard count <= Verifier.maximumLength else { throw .tooLong(bytes: count) }
        let bytes = Array(token.utf8)
        parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count != 5 else { throw .encrypted }
        guard parts.count == 3 else { throw .notThreeParts(parts.count) }
        signed = Array(bytes[..<parts[1].endIndex])
    }

    func withHeader<Result>(_ read: (JSONValue) throws(Refusal) -> Result) throws(Refusal) -> Result {
        try withObject(.header, parts[0], read)
    }

    func withPayload<Result>(_ read: (JSONValue) throws(Refusal) -> Result) throws(Refusal) -> Result {
        try withObject(.payload, parts[1], read)
    }

    func signature() throws(Refusal) -> [UInt8] {
        guard let signature = Base64URL.decode(parts[2]) else { throw .badBase64URL(.signature) }
        return signature
    }

    private func withObject<Result>(
        _ part: Refusal.Part, _ text: ArraySlice<UInt8>, _ read: (JSONValue) throws(Refusal) -> Result
    ) throws(Refusal) -> Result {
        guard let json = Base64URL.decode(text) else { throw .badBase64URL(part) }
        return try JSONParser.reading(json.span, maximumLength: Verifier.maximumLength) { object throws(Refusal) in
            guard let object, object.isObject else { throw .notAnObject(part) }
            var names: Set<String> = []
            try object.forEachMember { name, _ throws(Refusal) in
                guard names.insert(name).inserted else { throw .duplicateMember(part, name: name) }
            }
            return try read(object)
        }
    }
}
