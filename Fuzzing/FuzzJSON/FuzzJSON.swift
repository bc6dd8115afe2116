import CLibFuzzer
import JSON

@main struct FuzzJSON {
    static func main() {
        unsafe fuzz(CommandLine.argc, CommandLine.unsafeArgv)
    }
}

/// What the parser reads, the writer must write so that it reads back as the same.
// libFuzzer calls from one thread only.
nonisolated(unsafe) private let parser = JSONParser(maximumLength: 1 << 20)

@c(LLVMFuzzerTestOneInput)
public func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe UnsafeBufferPointer(start: start, count: count)
    guard let first = unsafe rewritten(input.span) else { return 0 }
    guard let second = rewritten(first.span) else { preconditionFailure("what was written is no JSON") }
    precondition(second == first, "what was written reads back as something else")
    return 0
}

/// The document as the writer gives it back, visited through every accessor on the way; `nil` if it was refused.
private func rewritten(_ input: Span<UInt8>) -> [UInt8]? {
    guard let value = try? unsafe parser.parse(input) else { return nil }
    visit(value)
    var json = JSONWriter()
    json.append(value)
    return json.bytes
}

private func visit(_ value: JSONValue) {
    if let string = value.string {
        precondition(string.unicodeScalars.count == value.unicodeScalarCount)
        precondition(value.withUTF8 { $0.count } == string.utf8.count)
    }
    precondition(value.int64 == nil || value.double != nil)
    var children = 0
    value.forEachElement { element in
        children += 1
        visit(element)
    }
    value.forEachMember { name, member in
        children += 1
        precondition(value[key: name] != nil)
        visit(member)
    }
    precondition(children == value.count)
}
