// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target: Swift 6 mode, strict memory safety, and a warning is an error.
let strict: [SwiftSetting] =
    [.strictMemorySafety(), .treatAllWarnings(as: .error)]
    + [
        "ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility", "NonisolatedNonsendingByDefault",
    ].map { .enableUpcomingFeature($0) }

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

#if os(Linux)
    // simdjson.pc defines a macro, which SwiftPM refuses with a warning; the system's own paths need no flags.
    let simdjson: String? = nil
#else
    let simdjson: String? = "simdjson"
#endif

let package = Package(
    name: "switchboard",
    platforms: [.macOS(.v26)],
    targets: [
        library("CLibuv", "libuv", apt: "libuv1-dev", brew: "libuv"),
        library("CSQLite", "sqlite3", apt: "libsqlite3-dev", brew: "sqlite"),
        library("COpenSSL", "libcrypto", apt: "libssl-dev", brew: "openssl@3"),
        library("CSimdjsonSystem", simdjson, apt: "libsimdjson-dev", brew: "simdjson"),
        library("CArgon2", "libargon2", apt: "libargon2-dev", brew: "argon2"),

        module("EventLoop", "CLibuv"),
        module("Chat"),
        .target(
            name: "CSimdJSON", dependencies: ["CSimdjsonSystem"], linkerSettings: [.linkedLibrary("simdjson")]),
        module("JSON", "CSimdJSON"),
        module("HTTP"),
        module("WebSocket", "COpenSSL"),
        module("Storage", "CSQLite", "Chat"),
        module("Dialects", "Chat", "JSON"),
        module(
            "Server", "CArgon2", "COpenSSL", "Chat", "Dialects", "EventLoop", "HTTP", "JSON", "Storage", "WebSocket"),
        .executableTarget(
            name: "switchboard", dependencies: ["Chat", "Dialects", "EventLoop", "JSON", "Server", "Storage"],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
