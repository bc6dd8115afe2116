extension String {
    var bytes: [UInt8] { Array(utf8) }

    init(_ bytes: some Sequence<UInt8>) { self = String(decoding: Array(bytes), as: UTF8.self) }
}
