internal import Chat
internal import JSON

extension JSONWriter {
    /// Appends a moment, written in place.
    mutating func member(_ name: StaticString, _ moment: Timestamp, _ style: Timestamp.Style) {
        member(name, capacity: Timestamp.longest) { moment.write(style, to: &$0) }
    }

    /// Appends a message's text. For dialects that have no place for an attachment: its URL where there is no text
    /// (INTEROP.md).
    mutating func member(_ name: StaticString, textOrAttachmentOf message: Message) {
        if message.text.isEmpty, let attachment = message.attachment {
            member(name, attachment.url)
        } else {
            member(name, message.text)
        }
    }
}
