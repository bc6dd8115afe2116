/// Finds what serves a method and a path: a tree with one level per path segment.
///
/// Patterns look like `/api/notifications/{id}/read/`: segments are literal or, in braces, match any one
/// segment that is not empty. A trailing slash makes no difference, in patterns and in paths. Literals win
/// over parameters; a path is tried on until a route has its method. HEAD is served by GET unless it has
/// a route of its own.
package struct Router<Endpoint: Sendable>: Sendable {
    package enum Match {
        /// - Parameter parameters: The decoded segments in the places of the pattern's parameters, in order.
        case found(Endpoint, parameters: [String])
        /// - Parameter allow: The methods that the path has, sorted, for the Allow field.
        case methodNotAllowed(allow: [String])
        case notFound
    }

    // The tree knows places in this list, not endpoints: it is compiled once, for all types.
    private var endpoints: [Endpoint] = []
    private var tree = RouteTree()

    package init() {}

    /// - Precondition: `pattern` starts with `/` and is not there yet for `method`.
    package mutating func add(_ method: Method, _ pattern: String, _ endpoint: Endpoint) {
        tree.add(method, pattern, endpoints.count)
        endpoints.append(endpoint)
    }

    /// - Parameter path: As it was sent: segments are decoded one by one, so that `%2F` starts no new one.
    /// - Complexity: O(length of the path) unless literals and parameters overlap; nothing is allocated for
    ///   a route whose segments have no more than 15 bytes.
    package func match(method: Method, path: String) -> Match {
        var search = RouteTree.Search(method: method)
        if let found = tree.find(path, &search) {
            return .found(endpoints[found], parameters: search.parameters)
        }
        return search.allowed.isEmpty ? .notFound : .methodNotAllowed(allow: search.allowed.sorted())
    }

    package func match(_ request: Request) -> Match { match(method: request.method, path: request.rawPath) }
}

/// The segments of all patterns, and at the end of each pattern the numbers of its routes.
private struct RouteTree: Sendable {
    /// What is sought, and what the search comes by.
    struct Search {
        let method: Method
        var parameters: [String] = []
        var allowed: Set<String> = []
    }

    private struct Node {
        var literals: [(text: String, node: Int)] = []
        var parameter: Int?
        var routes: [(method: Method, number: Int)] = []
    }

    /// The root comes first.
    private var nodes = [Node()]

    mutating func add(_ method: Method, _ pattern: String, _ number: Int) {
        precondition(pattern.hasPrefix("/"), "a pattern starts with a slash: \(pattern)")
        var node = 0
        for segment in pattern.split(separator: "/") {
            node = child(of: node, for: String(segment))
        }
        precondition(!nodes[node].routes.contains { $0.method == method }, "a route twice: \(pattern)")
        nodes[node].routes.append((method, number))
    }

    private mutating func child(of node: Int, for segment: String) -> Int {
        let isParameter = segment.hasPrefix("{") && segment.hasSuffix("}")
        let known = isParameter ? nodes[node].parameter : nodes[node].literals.first { $0.text == segment }?.node
        if let known { return known }
        nodes.append(Node())
        if isParameter {
            nodes[node].parameter = nodes.count - 1
        } else {
            nodes[node].literals.append((segment, nodes.count - 1))
        }
        return nodes.count - 1
    }

    /// The number of the route for a path as it was sent.
    func find(_ path: String, _ search: inout Search) -> Int? {
        let utf8 = path.utf8
        let bytes = utf8.span
        guard !bytes.isEmpty, bytes[0] == UInt8(ascii: "/") else { return nil }
        return find(bytes.extracting(1...), &search, at: 0)
    }

    /// Goes down from `node` by the first segment of `path`, which starts with it.
    private func find(_ path: Span<UInt8>, _ search: inout Search, at node: Int) -> Int? {
        guard !path.isEmpty else { return route(of: node, &search) }
        var (end, isEncoded) = (0, false)
        while end < path.count, path[end] != UInt8(ascii: "/") {
            if path[end] == UInt8(ascii: "%") { isEncoded = true }
            end += 1
        }
        guard end > 0 else { return nil }
        // What stands for no text stays as it was sent: it is for the route to say what is wrong with it.
        let segment = (isEncoded ? path.percentDecoded(0..<end) : nil) ?? path.text(0..<end)
        let rest = path.extracting(min(end + 1, path.count)...)

        for literal in nodes[node].literals where literal.text == segment {
            if let found = find(rest, &search, at: literal.node) { return found }
        }
        guard let parameter = nodes[node].parameter else { return nil }
        search.parameters.append(segment)
        if let found = find(rest, &search, at: parameter) { return found }
        search.parameters.removeLast()
        return nil
    }

    private func route(of node: Int, _ search: inout Search) -> Int? {
        let routes = nodes[node].routes
        if let own = routes.first(where: { $0.method == search.method || $0.method == .any }) { return own.number }
        let get = routes.first { $0.method == .get }
        if let get, search.method == .head { return get.number }
        if get != nil { search.allowed.insert(Method.head.name) }
        for route in routes { search.allowed.insert(route.method.name) }
        return nil
    }
}
