import ArgumentParser
import Options
import Report
import Testbed

/// Every parameter of `likes`, as it is read, and of a drill of likes or of likes beside comments.
struct LikesSettings: ParsableArguments {
    @Option("Distinct users, as fast as it goes, 1 to 10,000,000.", within(1...10_000_000))
    @Checked var users = 1_000_000
    @Option("The photo's id.", identifier("p1")) @Checked var photo = "p1"
    @Option("Part of the users who take it back, 0 to 1.", within(0...1.0)) @Checked var unlikeShare = 0.1
    @Option("Part of what is said twice at once, 0 to 1.", within(0...1.0)) @Checked var duplicateShare = 0.1
    @Option("Requests at the same time, 1 to 4,096.", within(1...4_096)) @Checked var connections = 64
    @Option("LikeAPI processes, 1 to 16.", within(1...16)) @Checked var likeApis = 2
    @Option("Worker processes, 1 to 16.", within(1...16)) @Checked var workers = 1
    @Option("Reader processes, 1 to 20.", within(1...20)) @Checked var readers = 1
    @Option("Viewers of the photo, 0 to 100,000.", within(0...100_000)) @Checked var viewers = 200
    @Option("The same seed makes the same users, 0 to 2^64-1.", anySeed) @Checked var seed: UInt64 = 1

    /// Users who come each second where ``users`` is 0: in a drill, or beside comments.
    var rate = 1_000.0
    /// With more than one they are `p1`, `p2` …; the first is the hot one.
    var photoCount = 1
    /// Part of all likes that go to the first photo.
    var hotShare = 0.5
    var photosEach = 4
    /// In a drill: see ``DrillSettings``.
    var redisNodes: Int? = nil
    var redisReplicas: Int? = nil

    /// Of likes before a fault, and after its end.
    static let calm = Duration.seconds(4)
    static let after = Duration.seconds(6)
    /// The promise, and what is measured on top of it over some seconds.
    static let updatesPerSecondMax = 10.5
    /// After the fault's end likes are acknowledged again within this.
    static let resumeSecondsMax = 10.0
    static let drainSecondsMax = 3_600.0

    static func drill(_ drill: Drill, _ own: DrillSettings) -> LikesSettings {
        var settings = LikesSettings.standard
        (settings.users, settings.photoCount, settings.seed) = (0, 4, own.seed)
        (settings.redisNodes, settings.redisReplicas) = (own.redisNodes, own.redisReplicas)
        // What waits while Redis is away must not keep others from being tried.
        settings.connections = 128
        return settings
    }

    /// The command that repeats it.
    func commandLine(_ drill: Drill?) -> String {
        drill.map { ofDrill.commandLine("drill \($0.name)") } ?? commandLine("likes")
    }

    /// What was typed for the drill.
    private var ofDrill: DrillSettings {
        var settings = DrillSettings.standard
        (settings.seed, settings.redisNodes, settings.redisReplicas) = (seed, redisNodes, redisReplicas)
        return settings
    }

    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func checked(_ capacity: Capacity) throws(Failure) -> LikesSettings {
        guard viewers > capacity.viewersPerProcess else { return try valid() }
        return try valid(["--viewers \(viewers): one process holds \(capacity.viewersPerProcess)"])
    }

    /// The services of `likes`, or of a drill of likes.
    func setup(_ drill: Drill?) -> ExperimentSetup {
        var setup = ExperimentSetup()
        (setup.likeAPIs, setup.workers, setup.readers) = (likeApis, workers, viewers > 0 ? readers : 0)
        setup.usesPostgres = true
        setup.redisTopology = RedisTopology(nodes: redisNodes, replicas: redisReplicas ?? 1)
        drill?.arrange(&setup, ofDrill)
        setup.noteSettings()
        return setup
    }

    /// The generator's arguments.
    func arguments(_ services: Services) -> [String] {
        var words = [
            "likes", "--coordinate", "--like-api", services.likeAPIs.map(\.url).joined(separator: ","),
            "--users", "\(users)", "--rate", Format.plain(rate), "--hot-share", Format.plain(hotShare),
            "--unlike-share", Format.plain(unlikeShare), "--duplicate-share", Format.plain(duplicateShare),
            "--connections", "\(connections)", "--viewers", "\(viewers)", "--photos-each", "\(photosEach)",
            "--seed", "\(seed)", "--settle-timeout", "30",
        ]
        if !services.readers.isEmpty {
            words += ["--readers", services.readers.map(\.url).joined(separator: ",")]
        }
        if photoCount == 1 { return words + ["--photo", photo] }
        return words + ["--photos", "\(photoCount)", "--photo-prefix", "p"]
    }
}
