internal import Chat
internal import JSON

extension JSONValue {
    /// An id that must be there; clients send it as a number or as a string of digits (INTEROP.md).
    func id(_ name: StaticString, _ field: Refusal.Field) throws(Refusal) -> Int64 {
        guard let id = self[name]?.id else { throw .missing(field) }
        return id
    }

    /// This as an id, if it is one.
    var id: Int64? {
        if let number = int64 { return number }
        guard let digits = string, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(digits)
    }

    /// A string that is not empty.
    func text(_ name: StaticString, _ field: Refusal.Field) throws(Refusal) -> String {
        guard let text = self[name]?.string, !text.isEmpty else { throw .missing(field) }
        return text
    }

    /// A file's URL, where the sender gave one.
    func attachment() throws(Refusal) -> Attachment? {
        guard let value = self["attachment"], !value.isNull else { return nil }
        guard let url = value.string else { throw .badAttachment }
        if url.isEmpty { return nil }
        guard let attachment = Attachment(url) else { throw .badAttachment }
        return attachment
    }

    /// The sender's own id of a message, where it gave one.
    func clientID() throws(Refusal) -> ClientID? {
        guard let value = self["client_id"], !value.isNull else { return nil }
        guard let id = value.string.flatMap({ ClientID($0) }) else { throw .badClientID }
        return id
    }
}
