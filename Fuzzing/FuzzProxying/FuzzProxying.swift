import CLibFuzzer
import Proxying

@main struct FuzzProxying {
    static func main() {
        unsafe fuzz(CommandLine.argc, CommandLine.unsafeArgv)
    }
}

/// Reads the same bytes as a PROXY header, whole and in growing parts, and as the entries of an X-Forwarded-For.
@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start = unsafe start, count > 0 else { return 0 }
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    readHeader(bytes)
    let text = String(decoding: bytes, as: UTF8.self)
    readAddress(text)
    readBlock(text)
    _ = proxies.client(behind: IPAddress(v4: 0x0A00_0001), forwardedFor: text)
    return 0
}

private let proxies = TrustedProxies(["10.0.0.0/8", "2001:db8::/32", "::/1"].compactMap { AddressRange($0) })

/// Where the reads were cut must not matter: until the header is there, more is needed, and no more than its limit.
private func readHeader(_ bytes: [UInt8]) {
    let whole = Outcome(bytes)
    var first: (outcome: Outcome, count: Int)?
    for count in 0...min(bytes.count, 2100) where first == nil {
        let outcome = Outcome(Array(bytes[..<count]))
        if outcome != .needMore { first = (outcome, count) }
    }
    guard let first else {
        precondition(whole == .needMore && bytes.count < 2064)
        return
    }
    // A limit may be seen sooner or later, but nothing that was good turns bad.
    switch (first.outcome, whole) {
    case (.header(let header), .header(let other)):
        precondition(header == other && header.length == first.count)
    case (.refused, .refused): break
    default: preconditionFailure("the cut mattered")
    }
}

private enum Outcome: Equatable {
    case needMore
    case header(ProxyHeader)
    case refused

    init(_ bytes: [UInt8]) {
        do {
            self = try ProxyHeader.parse(bytes.span).map { .header($0) } ?? .needMore
        } catch {
            self = .refused
        }
    }
}

/// What is shown is read as the same.
private func readAddress(_ text: String) {
    guard let address = IPAddress(text) else { return }
    precondition(IPAddress(address.description) == address)
    precondition(address.description.utf8.count <= 39)
}

private func readBlock(_ text: String) {
    guard let block = AddressRange(text) else { return }
    precondition(AddressRange(block.description) == block)
}
