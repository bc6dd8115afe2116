public import JSON

/// Makes the texts of packets as Engine.IO messages, `4` in front, in one pass. Attachments follow as binary messages
/// of their own.
///
/// In all of these, `bytes` is what the text is put behind, such as room for the header of a frame. A namespace is given
/// as it is in ``SocketPacket/namespace``.
///
/// Public, as what is generic and used in other modules is specialized only then.
public enum SocketPacketEncoder {
    /// `42["name",…]`
    ///
    /// - Parameters:
    ///   - id: Asks for an acknowledgement.
    ///   - attachments: How many follow.
    ///   - arguments: Appends any number of values; see ``JSON/JSONWriter/placeholder(_:)``.
    @inlinable public static func event<E: Error>(
        _ name: some JSONWritable, to namespace: String = "/", id: UInt64? = nil, attachments: Int = 0,
        behind bytes: consuming [UInt8] = [], arguments: (inout JSONWriter) throws(E) -> Void
    ) throws(E) -> [UInt8] {
        try event(to: namespace, id: id, attachments: attachments, behind: bytes) { (json) throws(E) in
            json.append(name)
            try arguments(&json)
        }
    }

    /// The same, where `elements` appends the name too.
    @inlinable public static func event<E: Error>(
        to namespace: String = "/", id: UInt64? = nil, attachments: Int = 0, behind bytes: consuming [UInt8] = [],
        elements: (inout JSONWriter) throws(E) -> Void
    ) throws(E) -> [UInt8] {
        var json = JSONWriter(behind: eventHead(namespace, id, attachments: attachments, behind: bytes))
        try json.array(elements)
        return json.finish()
    }

    /// `43<id>[…]`
    @inlinable public static func acknowledgement<E: Error>(
        of id: UInt64, to namespace: String = "/", attachments: Int = 0, behind bytes: consuming [UInt8] = [],
        arguments: (inout JSONWriter) throws(E) -> Void
    ) throws(E) -> [UInt8] {
        var json = JSONWriter(behind: acknowledgementHead(namespace, id, attachments: attachments, behind: bytes))
        try json.array(arguments)
        return json.finish()
    }

    /// `40{"sid":…}`
    ///
    /// - Parameter pid: Under what the client may ask later for what it missed.
    package static func connected(
        to namespace: String = "/", sid: String, pid: String? = nil, behind bytes: consuming [UInt8] = []
    ) -> [UInt8] {
        appendHead(.connect, namespace, nil, attachments: 0, to: &bytes)
        var json = JSONWriter(behind: bytes)
        json.object {
            $0.member("sid", sid)
            if let pid { $0.member("pid", pid) }
        }
        return json.finish()
    }

    /// `44{"message":…}`: the answer to a `CONNECT` that is refused.
    package static func refused(
        _ message: String, to namespace: String = "/", behind bytes: consuming [UInt8] = []
    ) -> [UInt8] {
        appendHead(.connectError, namespace, nil, attachments: 0, to: &bytes)
        var json = JSONWriter(behind: bytes)
        json.object { $0.member("message", message) }
        return json.finish()
    }

    /// `41`
    package static func disconnected(
        from namespace: String = "/", behind bytes: consuming [UInt8] = []
    ) -> [UInt8] {
        appendHead(.disconnect, namespace, nil, attachments: 0, to: &bytes)
        return bytes
    }

    @usableFromInline static func eventHead(
        _ namespace: String, _ id: UInt64?, attachments: Int, behind bytes: consuming [UInt8]
    ) -> [UInt8] {
        appendHead(.event, namespace, id, attachments: attachments, to: &bytes)
        return bytes
    }

    @usableFromInline static func acknowledgementHead(
        _ namespace: String, _ id: UInt64, attachments: Int, behind bytes: consuming [UInt8]
    ) -> [UInt8] {
        appendHead(.acknowledgement, namespace, id, attachments: attachments, to: &bytes)
        return bytes
    }

    private static func appendHead(
        _ kind: SocketPacket.Kind, _ namespace: String, _ id: UInt64?, attachments: Int, to bytes: inout [UInt8]
    ) {
        // Asked for exactly, what follows would copy the array again and again.
        bytes.reserveCapacity(bytes.count + namespace.utf8.count + 256)
        bytes.append(EnginePacket.Kind.message.digit)
        bytes.append(UInt8(ascii: "0") + SocketPacket.Digit(kind, hasAttachments: attachments > 0).rawValue)
        if attachments > 0 {
            bytes.append(contentsOf: String(attachments).utf8)
            bytes.append(UInt8(ascii: "-"))
        }
        if namespace != "/" {
            precondition(!namespace.utf8.contains(UInt8(ascii: ",")), "a comma ends a namespace")
            bytes.append(contentsOf: namespace.utf8)
            bytes.append(UInt8(ascii: ","))
        }
        if let id { bytes.append(contentsOf: String(id).utf8) }
    }
}

extension JSONWriter {
    /// Appends what stands for an attachment: `{"_placeholder":true,"num":0}`.
    package mutating func placeholder(_ number: Int) {
        object {
            $0.member("_placeholder", true)
            $0.member("num", number)
        }
    }
}
