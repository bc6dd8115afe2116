internal import Chat
internal import JSON

extension JSONWriter {
    /// Appends a moment, written in place.
    mutating func member(_ name: StaticString, _ moment: Timestamp, _ style: Timestamp.Style) {
        member(name, capacity: Timestamp.longest) { moment.write(style, to: &$0) }
    }
}
