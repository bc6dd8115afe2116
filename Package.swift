// swift-tools-version: 6.2
import PackageDescription

/// Set by `make fuzz`: builds the fuzzers instead of the tests, and everything with the address sanitizer.
let isFuzzing = Context.environment["SWITCHBOARD_FUZZ"] != nil

/// jemalloc is the server's allocator, but where sanitizers bring one of their own.
let allocator = isFuzzing || Context.environment["SWITCHBOARD_SANITIZED"] != nil ? [] : ["CJemalloc"]

/// Every Swift target: Swift 6 mode, strict memory safety, and a warning is an error.
let strict: [SwiftSetting] =
    [.strictMemorySafety(), .treatAllWarnings(as: .error)]
    + [
        "ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility", "NonisolatedNonsendingByDefault",
    ].map { .enableUpcomingFeature($0) }
    + [.unsafeFlags(["-cross-module-optimization"], .when(configuration: .release))]
    + (isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing"])] : [])

/// A C library of the system, found through pkg-config.
func library(_ name: String, _ pkgConfig: String?, apt: String, brew: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt]), .brew([brew])])
}

func module(_ name: String, _ dependencies: Target.Dependency...) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: Target.Dependency...) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// A program for `make fuzz`; otherwise a library that no product has, so that tests can't be built without it.
func fuzzer(_ name: String, _ modules: Target.Dependency...) -> Target {
    let (dependencies, path) = (modules + ["CLibFuzzer"], "Fuzzing/\(name)")
    if !isFuzzing { return .target(name: name, dependencies: dependencies, path: path, swiftSettings: strict) }
    return .executableTarget(
        name: name, dependencies: dependencies, path: path, swiftSettings: strict,
        linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])])
}

#if os(Linux)
    // simdjson.pc defines a macro, which SwiftPM refuses with a warning; the system's own paths need no flags.
    let simdjson: String? = nil
    // So does hiredis.pc.
    let hiredis: String? = nil
#else
    let simdjson: String? = "simdjson"
    let hiredis: String? = "hiredis"
#endif

let package = Package(
    name: "switchboard",
    platforms: [.macOS(.v26)],
    targets: [
        library("CLibuv", "libuv", apt: "libuv1-dev", brew: "libuv"),
        library("CSQLite", "sqlite3", apt: "libsqlite3-dev", brew: "sqlite"),
        library("CPostgreSQL", "libpq", apt: "libpq-dev", brew: "libpq"),
        library("COpenSSL", "libcrypto", apt: "libssl-dev", brew: "openssl@3"),
        library("CLibSSL", "libssl", apt: "libssl-dev", brew: "openssl@3"),
        library("CZlib", "zlib", apt: "zlib1g-dev", brew: "zlib"),
        library("CSimdjsonSystem", simdjson, apt: "libsimdjson-dev", brew: "simdjson"),
        library("CArgon2", "libargon2", apt: "libargon2-dev", brew: "argon2"),
        library("CHiredis", hiredis, apt: "libhiredis-dev", brew: "hiredis"),

        // What needs no other layer.
        module("TLS", "CLibSSL"),
        .target(name: "CSocketBatch"),
        module("EventLoop", "CLibuv", "CSocketBatch", "TLS"),
        .target(
            name: "CSimdJSON", dependencies: ["CSimdjsonSystem"],
            cxxSettings: isFuzzing ? [.unsafeFlags(["-fsanitize=fuzzer-no-link,address"])] : [],
            linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CSpareMemory"),
        module("JSON", "CSimdJSON", "CSpareMemory"),
        module("CivilTime"),
        module("Metrics"),
        module("HTTP", "CivilTime"),
        module("JWT", "COpenSSL", "CivilTime", "JSON"),
        module("Proxying"),
        module("SocketIO", "JSON"),
        module("WebSocket", "COpenSSL", "CZlib"),
        module("Chat", "CivilTime"),
        module("Redis", "CHiredis", "EventLoop"),

        // What the server is made of.
        module("Storage", "CPostgreSQL", "CSQLite", "Chat", "JSON"),
        module("Dialects", "Chat", "JSON"),
        module("Cluster", "COpenSSL", "CZlib", "Chat", "CivilTime", "EventLoop", "JSON", "Redis"),
        module(
            "Server", "CArgon2", "COpenSSL", "Chat", "Cluster", "Dialects", "EventLoop", "HTTP", "JSON", "JWT",
            "Metrics", "Proxying", "Redis", "SocketIO", "Storage", "TLS", "WebSocket"),
        .executableTarget(
            name: "switchboard",
            dependencies: ["Chat", "Dialects", "EventLoop", "JSON", "JWT", "Server", "Storage"]
                + allocator.map { .target(name: $0) },
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

package.targets += allocator.map { library($0, "jemalloc", apt: "libjemalloc-dev", brew: "jemalloc") }

package.targets += [
    .systemLibrary(name: "CLibFuzzer", path: "Fuzzing/CLibFuzzer"),
    fuzzer("FuzzCluster", "Chat", "Cluster", "JSON", "Redis"),
    fuzzer("FuzzDialects", "Chat", "Dialects", "JSON"),
    fuzzer("FuzzHTTP", "HTTP"),
    fuzzer("FuzzHandshake", "WebSocket"),
    fuzzer("FuzzJSON", "JSON"),
    fuzzer("FuzzJWT", "JWT"),
    fuzzer("FuzzProxying", "Proxying"),
    fuzzer("FuzzServer", "Chat", "Dialects", "EventLoop", "HTTP", "JSON", "JWT", "Server", "WebSocket"),
    fuzzer("FuzzSocketIO", "SocketIO", "JSON"),
    fuzzer("FuzzWebSocket", "WebSocket"),
]

if !isFuzzing {
    package.products += ["AllocationCounter", "FaultyFiles", "ShiftedClock"].map {
        .library(name: $0, type: .dynamic, targets: [$0])
    }
    package.targets += [
        .target(
            name: "AllocationCounter", path: "Tests/AllocationCounter", cSettings: [.define("_GNU_SOURCE")],
            linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(name: "FaultyFiles", dependencies: ["CSQLite"], path: "Tests/FaultyFiles"),
        .target(
            name: "ShiftedClock", path: "Tests/ShiftedClock", cSettings: [.define("_GNU_SOURCE")],
            linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        tests("ChatTests", "Chat"),
        tests("ClusterTests", "Cluster", "Chat", "JSON", "Redis"),
        tests("DialectsTests", "Dialects", "Chat", "JSON"),
        tests("EventLoopTests", "EventLoop"),
        tests("HTTPTests", "HTTP"),
        tests("JSONTests", "JSON"),
        tests("JWTTests", "JWT", "JSON"),
        tests("MetricsTests", "Metrics"),
        tests("ProxyingTests", "Proxying"),
        tests("RedisTests", "Redis", "EventLoop"),
        tests(
            "ServerTests", "Server", "Chat", "Cluster", "Dialects", "EventLoop", "HTTP", "JWT", "Metrics", "Storage",
            "WebSocket"),
        tests("SocketIOTests", "SocketIO", "JSON"),
        tests("StorageTests", "Storage", "Chat", "CSQLite", "FaultyFiles"),
        tests("TLSTests", "TLS"),
        tests("WebSocketTests", "WebSocket"),
        .executableTarget(
            name: "EchoFixture", dependencies: ["EventLoop", "HTTP", "WebSocket"], path: "Tests/EchoFixture",
            swiftSettings: strict),
        .executableTarget(
            name: "SocketIOFixture", dependencies: ["EventLoop", "HTTP", "JSON", "SocketIO", "WebSocket"],
            path: "Tests/SocketIOFixture", swiftSettings: strict),
    ]
}
