// swift-tools-version:6.2
import PackageDescription

// `make build`, `lint` and `test` set this: a warning in our own targets stops them. A plain `swift build` only shows it,
// so that a newer compiler with new warnings locks nobody out.
// https://github.com/swiftlang/swift-evolution/blob/main/proposals/0480-swiftpm-warning-control.md
let warnings: [SwiftSetting] =
    Context.environment["CHORUS_WARNINGS"] == "error" ? [.treatAllWarnings(as: .error)] : []

// `make test-deep` sets this: a mutex that ThreadSanitizer sees (Sources/Primitives/Mutex.swift).
let sanitizing: [SwiftSetting] = Context.environment["CHORUS_SANITIZE"] == nil ? [] : [.define("CHORUS_SANITIZE")]

let swiftSettings: [SwiftSetting] =
    [
        // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
        .enableUpcomingFeature("ExistentialAny"),
        // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
        .enableUpcomingFeature("MemberImportVisibility"),
        // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + warnings + sanitizing

// Products of other packages, each named once.
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let orderedCollections = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let bitCollections = Target.Dependency.product(name: "BitCollections", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

let package = Package(
    name: "chorus",
    products: [
        .executable(name: "CommentAPI", targets: ["CommentAPI"]),
        .executable(name: "LikeAPI", targets: ["LikeAPI"]),
        .executable(name: "ReaderAPI", targets: ["ReaderAPI"]),
        .executable(name: "StatsAPI", targets: ["StatsAPI"]),
        .executable(name: "SocialAPI", targets: ["SocialAPI"]),
        .executable(name: "SimClient", targets: ["SimClient"]),
        .executable(name: "Orchestrator", targets: ["Orchestrator"]),
        // Loaded into the Redis of a drill.
        .library(name: "ClockStep", type: .dynamic, targets: ["CClockStep"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(
            url: "https://github.com/apple/swift-configuration.git", from: "1.4.0",
            traits: [.defaults, "CommandLineArguments"]),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.0"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.1"),
    ],
    targets: [
        // C: system libraries and the few kernel calls that Glibc's module does not export.
        .systemLibrary(name: "CHiredis", pkgConfig: "hiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .target(name: "CKernel"),
        .target(name: "CClockStep"),

        // Pure: no clock, no random source, no environment, no input or output.
        library("Wire", []),
        library("Placement", []),
        // Engine.IO 4, Socket.IO 5 and RFC 6455.
        library("SocketIO", ["Wire", crypto]),
        library("Audience", ["Wire", "Placement", "Report", histogram]),
        // What every layer needs one of: backoff, batching, bounded caches, clocks, the descriptor limit.
        library("Primitives", [deque]),
        // One document for every result of the laboratory: rendered, compared and held against thresholds once.
        library("Report", []),

        // Drivers: one outside system each.
        library("RedisNIO", ["CHiredis", "Primitives", nioCore, nioPosix, nioSSL, logging, coreMetrics, deque]),
        library("PostgresLibpq", ["CLibpq", "Primitives", logging, deque]),
        library("SocketLoop", ["CKernel", "Primitives"]),

        // Adapters: the domain on top of the drivers.
        library("Broker", ["Wire", "Placement", "Primitives", "RedisNIO", nioCore, nioPosix, logging, coreMetrics]),
        library("Storage", ["Wire", "Primitives", "PostgresLibpq", logging, metrics, coreMetrics]),
        library("Likes", ["Wire", "Primitives", "RedisNIO", "Broker", "Storage", logging, coreMetrics, deque]),
        library("Social", ["Media", "PostgresLibpq", "RedisNIO", "Storage", "Wire", logging, coreMetrics]),
        library("Media", ["PostgresLibpq", "Primitives", "Storage", subprocess, systemPackage, crypto]),
        library("Fanout", ["Wire", "Placement", "Primitives", "Broker", "SocketIO", "SocketLoop", logging, deque]),

        // Who a caller is, and what callers may.
        library("Identity", ["Wire", "Primitives", jwtKit, crypto]),

        // Composition.
        library(
            "ServiceRuntime",
            [
                "Identity", "Wire", "Primitives", "Broker", "RedisNIO", hummingbird, hummingbirdCore, httpTypes,
                configuration,
                logging, metrics, coreMetrics, lifecycle, unixSignals, httpClient, nioCore, nioHTTP1,
            ]),

        // Which Reader serves a viewer, as Readers tell each other through Redis: for the Reader, and for whoever simulates some.
        library(
            "ReaderPlacement",
            [
                "Fanout", "Placement", "Primitives", "RedisNIO", "ServiceRuntime", "Wire", logging, coreMetrics,
                lifecycle,
                nioCore, nioPosix,
            ]),

        // A service's database: apart, so that services without one do not link libpq.
        library("ServiceStorage", ["ServiceRuntime", "Storage", "PostgresLibpq", logging, lifecycle]),

        // Options of commands, typed once; what is wrong with them is told together.
        library("Options", ["Audience", "Placement", "Wire", arguments]),
        // The laboratory's ground: servers, services and generators as child processes.
        library(
            "Testbed",
            [
                "Primitives", "RedisNIO", "Wire", httpClient, nioCore, nioPosix, nioHTTP1, logging, subprocess,
                systemPackage,
            ]),

        // Executables: they import libraries, never each other.
        executable(
            "CommentAPI",
            [
                "Identity", "ServiceRuntime", "ServiceStorage", "Broker", "Primitives", "Storage", "Wire", hummingbird,
                httpTypes,
                logging, metrics,
                lifecycle,
            ]),
        executable(
            "LikeAPI",
            [
                "Identity", "ServiceRuntime", "ServiceStorage", "Likes", "Broker", "Primitives", "RedisNIO", "Storage",
                "PostgresLibpq",
                "Wire", hummingbird,
                httpTypes, logging, lifecycle, arguments,
            ]),
        executable(
            "ReaderAPI",
            [
                "Identity", "ReaderPlacement", "ServiceRuntime", "Fanout", "Broker", "Likes", "Placement", "Primitives",
                "RedisNIO", "SocketIO", "Wire", "CKernel", hummingbird, hummingbirdCore, httpTypes, logging, lifecycle,
                coreMetrics, nioCore, nioPosix, deque,
            ]),
        executable(
            "StatsAPI",
            [
                "Identity", "ServiceRuntime", "Placement", "Primitives", "Broker", "Wire", hummingbird, httpTypes,
                logging,
                lifecycle,
                bitCollections, nioCore,
            ]),
        executable(
            "SocialAPI",
            [
                "Identity", "ServiceRuntime", "ServiceStorage", "Likes", "Social", "Media", "Storage", "Broker",
                "Primitives", "RedisNIO", "CKernel", "CSodium", "Wire", hummingbird, httpTypes, logging, lifecycle,
                arguments, crypto,
                nioCore,
            ]),
        executable(
            "SimClient",
            [
                "Audience", "Options", "Placement", "Primitives", "Report", "SocketIO", "SocketLoop", "Wire", arguments,
                unixSignals, deque,
            ]),
        executable(
            "Orchestrator",
            [
                "Audience", "Placement", "Primitives", "Options", "Report", "Testbed", "Broker", "Fanout", "RedisNIO",
                "SocketLoop", "CKernel", "ReaderPlacement", "ServiceRuntime", "Wire", "Likes", "PostgresLibpq",
                "Storage", "Identity",
                arguments, nioCore, nioHTTP1, logging, coreMetrics, yams,
            ]),

        // Benchmarks below HTTP.
        .executableTarget(
            name: "LikeBench",
            dependencies: ["ServiceRuntime", "Likes", "Broker", "Primitives", "RedisNIO", "Storage", logging],
            path: "Benchmarks/LikeBench", swiftSettings: swiftSettings),
        .executableTarget(
            name: "SocialBench",
            dependencies: [
                "Social", "Storage", "PostgresLibpq", "RedisNIO", "Primitives", "Testbed", logging, arguments,
            ],
            path: "Benchmarks/SocialBench", swiftSettings: swiftSettings),

        // Tests mirror targets. TestSupport is shared by them: private servers, free ports, temporary folders; InMemory:
        // the broker and the stores inside one process.
        .target(
            name: "TestSupport",
            dependencies: [
                "Broker", "CKernel", "PostgresLibpq", "Primitives", "RedisNIO", "SocketIO", "Storage", "Testbed",
                "Wire", logging, crypto, cryptoExtras,
            ],
            path: "Tests/TestSupport", swiftSettings: swiftSettings),
        .target(
            name: "InMemory", dependencies: ["Broker", "Primitives", "Storage", "Placement", "Wire"],
            path: "Tests/InMemory",
            swiftSettings: swiftSettings),
        tests("WireTests", ["Wire"]),
        tests("SocketIOTests", ["SocketIO"]),
        tests("PrimitivesTests", ["Primitives", "Placement", "TestSupport"]),
        tests("PlacementTests", ["Placement", "Audience"]),
        tests("AudienceTests", ["Audience", "Placement", "Wire"]),
        tests("ReportTests", ["Report"]),
        tests("IdentityTests", ["Identity", "Primitives", "TestSupport", "Wire"]),
        tests("SocketLoopTests", ["SocketLoop", "Primitives", "TestSupport"]),
        tests("RedisNIOTests", ["RedisNIO", "Placement", "Primitives", "Testbed", "TestSupport", nioCore]),
        tests("PostgresLibpqTests", ["PostgresLibpq", "Primitives", "Testbed", "TestSupport"]),
        tests("BrokerTests", ["Broker", "InMemory", "Placement", "RedisNIO", "Testbed", "TestSupport", "Wire"]),
        tests(
            "StorageTests",
            ["Storage", "InMemory", "Placement", "PostgresLibpq", "Primitives", "Testbed", "TestSupport", "Wire"]),
        tests(
            "LikesTests",
            [
                "Likes", "InMemory", "Broker", "Placement", "Primitives", "RedisNIO", "Storage", "PostgresLibpq",
                "Testbed", "TestSupport",
                "Wire",
            ]),
        tests(
            "LikeAPITests",
            [
                "LikeAPI", "InMemory", "ServiceRuntime", "Broker", "RedisNIO", "Storage", "Testbed", "TestSupport",
                hummingbird,
                hummingbirdTesting, httpTypes, lifecycle, nioCore, arguments,
            ]),
        tests(
            "FanoutTests",
            [
                "Audience", "Fanout", "InMemory", "Broker", "Placement", "Primitives", "SocketIO", "SocketLoop", "Wire",
                logging,
            ]),
        tests("SimulationTests", ["Fanout", "Broker", "InMemory", "Placement", "RedisNIO", "SocketLoop", "Wire"]),
        tests(
            "FuzzTests",
            [
                "Broker", "CommentAPI", "Fanout", "Identity", "Likes", "Placement", "RedisNIO", "ServiceRuntime",
                "SimClient", "SocketIO", "Storage", "TestSupport", "Wire", hummingbirdCore, httpTypes, nioCore,
            ]),
        tests(
            "ServiceRuntimeTests",
            [
                "Identity", "ServiceRuntime", "Placement", "Primitives", "RedisNIO", "Testbed", "TestSupport", "Wire",
                hummingbird, hummingbirdTesting, httpTypes, logging, coreMetrics, lifecycle, nioCore,
            ]),
        tests(
            "CommentAPITests",
            [
                "CommentAPI", "InMemory", "ServiceRuntime", "ServiceStorage", "Broker", "Primitives", "Storage",
                "PostgresLibpq", "Testbed", "TestSupport", "Wire",
                hummingbird, hummingbirdTesting, httpTypes, logging, lifecycle, nioCore,
            ]),
        tests(
            "StatsAPITests",
            [
                "StatsAPI", "Audience", "InMemory", "ServiceRuntime", "Broker", "Placement", "Primitives",
                "TestSupport", "Wire", hummingbird, hummingbirdTesting, httpTypes, logging, nioCore, bitCollections,
            ]),
        tests(
            "ReaderAPITests",
            [
                "ReaderAPI", "ReaderPlacement", "ServiceRuntime", "Placement", "RedisNIO", hummingbird, httpTypes,
                nioCore,
            ]),
        tests(
            "SocialAPITests",
            [
                "SocialAPI", "CommentAPI", "LikeAPI", "Likes", "Media", "Identity", "Broker", "Primitives", "RedisNIO",
                "ServiceRuntime", "ServiceStorage", "Social", "Storage", "Testbed", "TestSupport", "Wire", hummingbird,
                hummingbirdTesting, httpTypes,
                nioCore, lifecycle,
            ]),
        tests(
            "SocialTests",
            ["Social", "Placement", "PostgresLibpq", "Primitives", "RedisNIO", "Storage", "Testbed", "TestSupport"]),
        tests("MediaTests", ["Media", "TestSupport"]),
        tests("TestbedTests", ["Testbed", "Primitives", "RedisNIO", "TestSupport"]),
        tests(
            "SimClientTests",
            ["SimClient", "Audience", "Placement", "Primitives", "Report", "SocketIO", "SocketLoop", "Wire", arguments]),
        tests(
            "OrchestratorTests",
            [
                "Orchestrator", "Audience", "Placement", "Primitives", "Options", "Report", "Testbed", "TestSupport",
                "Wire", arguments,
            ]),
        tests(
            "IntegrationTests",
            [
                "CommentAPI", "Identity", "InMemory", "ReaderAPI", "Broker", "Fanout", "Placement", "Primitives",
                "ReaderPlacement", "RedisNIO", "ServiceRuntime", "SocketIO", "Testbed", "TestSupport", "Wire",
                hummingbird,
                lifecycle, logging,
            ]),
        tests(
            "AccessTests",
            [
                "CommentAPI", "LikeAPI", "ReaderAPI", "StatsAPI", "SocialAPI", "Identity", "InMemory", "Broker",
                "Primitives", "PostgresLibpq", "ServiceStorage", "Social", "Storage", "Fanout", "Testbed",
                "ServiceRuntime", "TestSupport", "Wire", hummingbird, hummingbirdTesting, httpTypes, nioCore, lifecycle,
            ]),
        tests("EndToEndTests", ["Primitives", "Report", "Testbed", "TestSupport", "Wire"]),
    ],
    swiftLanguageModes: [.v6]
)
