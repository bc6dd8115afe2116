import Chat
import JSON
import Proxying
import Storage

/// What is wrong with the configuration: the key, where it came from, and what is allowed there.
package struct ConfigurationError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

extension Configuration {
    /// Puts the configuration together: a flag wins over a variable, a variable over the file.
    ///
    /// - Parameters:
    ///   - flags: By the setting's name, such as `rooms_rate`.
    ///   - environment: All variables; those that start with `SWITCHBOARD_` must be known.
    ///   - file: The content of the JSON file, and its path for messages.
    package init(
        flags: [String: String], environment: [String: String], file: (path: String, bytes: [UInt8])?
    ) throws(ConfigurationError) {
        self.init()
        if let file { try takeFile(file.bytes, path: file.path) }
        for (variable, value) in environment.sorted(by: { $0.key < $1.key }) where variable.hasPrefix("SWITCHBOARD_") {
            if Self.isForOthers(variable) { continue }
            guard let setting = Setting.all.first(where: { $0.variable == variable }) else {
                throw ConfigurationError(
                    "\(variable) (environment): no such setting\(Self.suggestion(variable) { $0.variable })")
            }
            try take(value, for: setting, from: "\(variable) (environment)")
        }
        for (name, value) in flags.sorted(by: { $0.key < $1.key }) {
            guard let setting = Setting.all.first(where: { $0.name == name }) else { continue }
            try take(value, for: setting, from: "\(setting.flag) (flag)")
            if setting.holdsPassword(self) {
                throw ConfigurationError(
                    "\(setting.flag) (flag): others on this machine could read the password; give the URL in "
                        + "\(setting.variable) or in the file")
            }
        }
    }

    /// - Throws: When settings do not go together.
    package func check() throws(ConfigurationError) {
        if proxyProtocol, trustedProxies.isEmpty {
            throw ConfigurationError("proxy_protocol: trusted_proxies must say from whom such a header is taken")
        }
        if bus != nil, store.isFile {
            throw ConfigurationError("bus: nodes share a store that all of them reach; set store to a PostgreSQL URL")
        }
    }

    /// What names the configuration file, what the Python client reads, and what Kubernetes sets for a service that is
    /// called switchboard.
    private static func isForOthers(_ variable: String) -> Bool {
        [
            "SWITCHBOARD_CONFIG", "SWITCHBOARD_URL", "SWITCHBOARD_API_KEY", "SWITCHBOARD_COPY_FROM",
            "SWITCHBOARD_COPY_TO",
        ].contains(variable)
            || variable.hasPrefix("SWITCHBOARD_SERVICE_") || variable == "SWITCHBOARD_PORT"
            || variable.hasPrefix("SWITCHBOARD_PORT_")
    }

    private mutating func takeFile(_ bytes: [UInt8], path: String) throws(ConfigurationError) {
        let values = try JSONParser.reading(bytes.span, maximumLength: 1 << 20) { root throws(ConfigurationError) in
            guard let root, root.isObject else { throw ConfigurationError("\(path): not a JSON object") }
            var values: [(name: String, value: String?)] = []
            root.forEachMember { name, value in values.append((name, Self.text(value))) }
            return values
        }
        for (name, value) in values {
            let source = "\(name) (\(path))"
            guard let setting = Setting.all.first(where: { $0.name == name }) else {
                throw ConfigurationError("\(source): no such setting\(Self.suggestion(name) { $0.name })")
            }
            guard let value else { throw ConfigurationError("\(source): allowed is \(setting.allowed)") }
            try take(value, for: setting, from: source)
        }
    }

    private mutating func take(_ value: String, for setting: Setting, from source: String) throws(ConfigurationError) {
        switch setting.set(&self, value) {
        case nil: return
        case .because(let reason): throw ConfigurationError("\(source): \(reason)")
        case .notAllowed:
            let shown = setting.isSecret ? "the value" : "\"\(value)\""
            throw ConfigurationError("\(source): \(shown) is not allowed; allowed is \(setting.allowed)")
        }
    }

    /// A scalar, or a list of strings, as a flag would spell it; a list of objects as JSON.
    private static func text(_ value: JSONValue) -> String? {
        if let string = value.string { return string }
        if let integer = value.int64 { return String(integer) }
        if let number = value.double { return String(number) }
        if let bool = value.bool { return String(bool) }
        guard value.isArray else { return nil }
        var items: [String]? = []
        value.forEachElement { element in
            if let item = element.string { items?.append(item) } else { items = nil }
        }
        if let items { return items.joined(separator: ",") }
        var isOfObjects = true
        value.forEachElement { isOfObjects = isOfObjects && $0.isObject }
        if !isOfObjects { return nil }
        var json = JSONWriter()
        value.write(into: &json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// Names the known settings that share their first letters with an unknown one.
    private static func suggestion(_ unknown: String, spelling: (Setting) -> String) -> String {
        let close = Setting.all.map(spelling).filter { Self.distance(Array($0), Array(unknown)) <= 3 }
        return close.isEmpty
            ? "; see switchboard check-config --help" : "; did you mean \(close.joined(separator: " or "))?"
    }

    /// How many letters must be put in, left out or changed.
    private static func distance(_ one: [Character], _ other: [Character]) -> Int {
        var row = Array(0...other.count)
        for (i, left) in one.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in other.enumerated() {
                let change = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(change, row[j] + 1, diagonal + 1)
            }
        }
        return row[other.count]
    }

    /// What is in force, secrets left out, one `name = value` a line.
    package var summary: [(name: String, value: String)] { Setting.all.map { ($0.name, $0.show(self)) } }
}
