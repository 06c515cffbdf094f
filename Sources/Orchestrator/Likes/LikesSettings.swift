import ArgumentParser
import Report
import Testbed
import Wire

/// Every parameter of `likes`, and of a drill of likes.
struct LikesSettings: Codable, Equatable, Sendable {
    /// The first is the hot one.
    var photos = ["p1"]
    /// Part of all likes that go to the first photo.
    var hotShare = 0.5
    /// Distinct users who like, as fast as it goes; 0: by ``rate``.
    var users = 0
    /// Users who come each second, in a drill or beside comments.
    var rate = 1_000.0
    /// Part of the users who take their like back, and part of what is said twice at once.
    var unlikeShare = 0.1
    var duplicateShare = 0.1
    var connections = 64
    var likeAPIs = 2
    var workers = 1
    var readers = 1
    var viewers = 200
    var photosEach = 4
    var seed: UInt64 = 1
    /// Of likes before the fault, and after its end.
    var calmSeconds = 4.0
    var afterSeconds = 6.0

    /// The promise, and what is measured on top of it over some seconds.
    static let updatesPerSecondMax = 10.5
    /// After the fault's end likes are acknowledged again within this.
    static let resumeSecondsMax = 10.0
    static let drainSecondsMax = 3_600.0

    static func drill(_ drill: Drill, seed: UInt64) -> LikesSettings {
        var settings = LikesSettings()
        settings.photos = (1...4).map { "p\($0)" }
        settings.seed = seed
        // What waits while Redis is away must not keep others from being tried.
        settings.connections = 128
        settings.workers = DrillLayout(drill).workers
        return settings
    }

    /// The command that repeats it.
    func commandLine(_ drill: Drill?) -> String {
        if let drill { return "Orchestrator drill \(drill.name) --seed \(seed)" }
        return [
            "Orchestrator likes --users \(users) --photo \(photos[0])", "--unlike-share \(Format.plain(unlikeShare))",
            "--duplicate-share \(Format.plain(duplicateShare))", "--connections \(connections)",
            "--like-apis \(likeAPIs)", "--workers \(workers)", "--readers \(readers)", "--viewers \(viewers)",
            "--seed \(seed)",
        ].joined(separator: " ")
    }

    /// The generator's arguments.
    func arguments(likeAPIs: [Node], readers: [Node]) -> [String] {
        var words = [
            "likes", "--coordinate", "--like-api", likeAPIs.map(\.url).joined(separator: ","),
            "--users", "\(users)", "--rate", Format.plain(rate), "--hot-share", Format.plain(hotShare),
            "--unlike-share", Format.plain(unlikeShare), "--duplicate-share", Format.plain(duplicateShare),
            "--connections", "\(connections)", "--viewers", "\(viewers)", "--photos-each", "\(photosEach)",
            "--seed", "\(seed)", "--settle-timeout", "30",
        ]
        if !readers.isEmpty { words += ["--readers", readers.map(\.url).joined(separator: ",")] }
        if photos.count == 1 { return words + ["--photo", photos[0]] }
        return words + ["--photos", "\(photos.count)", "--photo-prefix", "p"]
    }
}

/// The options of `likes` as they are typed.
struct LikesArguments: ParsableArguments {
    @Option(parsing: .unconditional, help: "Distinct users, 1 to 10,000,000 (1,000,000).") var users: String?
    @Option(parsing: .unconditional, help: "The photo's id (p1).") var photo: String?
    @Option(parsing: .unconditional, help: "Part of the users who take it back, 0 to 1 (0.1).") var unlikeShare: String?
    @Option(parsing: .unconditional, help: "Part of what is said twice at once, 0 to 1 (0.1).")
    var duplicateShare: String?
    @Option(parsing: .unconditional, help: "Requests at the same time, 1 to 4,096 (64).") var connections: String?
    @Option(parsing: .unconditional, help: "LikeAPI processes, 1 to 16 (2).") var likeApis: String?
    @Option(parsing: .unconditional, help: "Worker processes, 1 to 16 (1).") var workers: String?
    @Option(parsing: .unconditional, help: "Reader processes, 1 to 20 (1).") var readers: String?
    @Option(parsing: .unconditional, help: "Viewers of the photo, 0 to 100,000 (200).") var viewers: String?
    @Option(parsing: .unconditional, help: "The same seed makes the same users, 0 to 2^64-1.") var seed: String?

    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func read(limits: DescriptorLimits) throws(Failure) -> LikesSettings {
        var check = ArgumentCheck()
        var settings = LikesSettings()
        settings.users = 1_000_000
        check.read("--users", users, 1...10_000_000, into: &settings.users)
        if let photo {
            if Identifier.isValid(photo) {
                settings.photos = [photo]
            } else {
                check.refuse("--photo \(photo): must be 1 to 128 characters of A-Z a-z 0-9 . _ - :")
            }
        }
        check.read("--unlike-share", unlikeShare, 0...1, into: &settings.unlikeShare)
        check.read("--duplicate-share", duplicateShare, 0...1, into: &settings.duplicateShare)
        check.read("--connections", connections, 1...4_096, into: &settings.connections)
        check.read("--like-apis", likeApis, 1...16, into: &settings.likeAPIs)
        check.read("--workers", workers, 1...16, into: &settings.workers)
        check.read("--readers", readers, 1...20, into: &settings.readers)
        check.read("--viewers", viewers, 0...100_000, into: &settings.viewers)
        check.readSeed("--seed", seed, into: &settings.seed)
        if settings.viewers > limits.viewersPerProcess {
            check.refuse("--viewers \(settings.viewers): one process holds \(limits.viewersPerProcess)")
        }
        guard check.problems.isEmpty else { throw .arguments(check.problems) }
        return settings
    }
}
