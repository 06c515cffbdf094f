import ArgumentParser
import Audience
import Options
import Placement
import Report
import Testbed

/// Every parameter of one run, as `run` reads it: with the same settings and seed, the same audience watches the same
/// channels.
struct RunSettings: ParsableArguments {
    enum Preset: String, CaseIterable, Sendable {
        /// 3 Readers and 3 people who write every second: user1 and user3 on video1, user2 on video2.
        case seed
        /// 100 videos, 2,500 viewers in the tiers of the reference design, 5 Readers.
        case reference
        /// 90,000 videos, 1,000,000 viewers, as many Readers as that takes; random placement, then overflow.
        case million
    }

    @Option(
        parsing: .unconditional,
        help: """
            seed: 3 Readers, 3 people on 2 videos. reference: 100 videos, 2,500 viewers, 5 Readers (the default). \
            million: 90,000 videos, 1,000,000 viewers, random placement and then overflow.
            """,
        transform: optional(oneOf(Preset.reference)))
    @Checked var preset: Preset? = nil
    @Option(parsing: .unconditional, help: "Videos, 1 to 1,000,000.", transform: within(1...1_000_000))
    @Checked var streams = 100
    @Option(parsing: .unconditional, help: "Viewers, 1 to 1,000,000.", transform: within(1...1_000_000))
    @Checked var viewers = 2_500
    @Option(parsing: .unconditional, help: "Reader processes, 1 to 100.", transform: within(1...100))
    @Checked var readers = 5
    @Option(parsing: .unconditional, help: "CommentAPI processes, 1 to 16.", transform: within(1...16))
    @Checked var commentApis = 1
    @Option(
        parsing: .unconditional, help: "Comments per second over all videos, 0.1 to 100,000.",
        transform: within(0.1...100_000))
    @Checked var rate = 50.0
    @Option(parsing: .unconditional, help: "Seconds of publishing, 1 to 86,400.", transform: within(1...86_400.0))
    @Checked var duration = 20.0
    @Option(
        parsing: .unconditional, help: "Seconds of publishing before that, left out of the latencies, 0 to 3,600.",
        transform: within(0...3_600.0))
    @Checked var warmup = 2.0
    @Option(
        parsing: .unconditional,
        help: "Seconds without a comment when all have connected, preset million; 1 to 86,400.",
        transform: within(1...86_400.0))
    @Checked var hold = 300.0
    @Option(parsing: .unconditional, help: "The same seed makes the same audience, 0 to 2^64-1.", transform: anySeed)
    @Checked var seed: UInt64 = 1
    @Option(
        parsing: .unconditional, help: "reference, uniform, zipf:<exponent>, flash or flash:<share>.",
        transform: parsed(AudienceSpec.reference, AudienceSpec.parse))
    @Checked var audience = AudienceSpec.reference
    @Option(
        parsing: .unconditional, help: "random, round-robin, least-connections, rendezvous or overflow.",
        transform: parsed(PlacementStrategy.random, PlacementStrategy.parse))
    @Checked var placement = PlacementStrategy.random
    @Option(
        parsing: .unconditional, help: "Swarm processes, 1 to 64; as many as descriptors ask for, if left out.",
        transform: optional(within(1...64)))
    @Checked var swarms: Int? = nil
    @Option(
        parsing: .unconditional, help: "stream, or socketio: viewers on Socket.IO's WebSocket.",
        transform: oneOf(ViewerTransport.stream))
    @Checked var transport = ViewerTransport.stream
    @Option(
        parsing: .unconditional,
        help: "Part of the viewers that leave each minute, and others come for them, 0 to 600.",
        transform: within(0...600.0))
    @Checked var churn = 0.0
    @Option(
        parsing: .unconditional, help: "Part of the viewers that change the video each minute, 0 to 600.",
        transform: within(0...600.0))
    @Checked var zaps = 0.0
    @Option(
        parsing: .unconditional,
        help: "<seconds>[:<share>]: then this part of the viewers comes to the first video together.",
        transform: optional(parsed(FlashCrowd(seconds: 0, share: 0), FlashCrowd.parse)))
    @Checked var flashAt: FlashCrowd? = nil
    @Option(
        parsing: .unconditional, help: "Users who like photos each second, beside the comments; 0.1 to 100,000.",
        transform: optional(within(0.1...100_000)))
    @Checked var likesRate: Double? = nil
    @Option(
        parsing: .unconditional, help: "Photos that are liked and watched, 1 to 1,000.", transform: within(1...1_000))
    @Checked var photos = 10
    @Option(
        parsing: .unconditional, help: "Part of all likes that go to the first photo, 0 to 1.",
        transform: within(0...1.0))
    @Checked var hotPhotoShare = 0.5
    @Option(
        parsing: .unconditionalSingleValue,
        help: "What else fails a run, may be given several times: \(RunChecker.Allowance.names).",
        transform: oneOf(RunChecker.Allowance.small))
    var allow: [Checked<RunChecker.Allowance>] = []

    /// How often every process reports to the StatsAPI.
    static let reportInterval = Duration.milliseconds(500)
    /// Three report intervals, and some patience.
    static let reportDelay = reportInterval * 3 + .seconds(2)

    /// Checks that may fail.
    var allowed: Set<RunChecker.Allowance> {
        get { Set(allow.map(\.wrappedValue)) }
        set { allow = newValue.sorted().map { Checked(wrappedValue: $0) } }
    }

    /// Viewers who come and go while comments are written; `nil` when nobody does.
    var moves: Moves? {
        var moves = Moves()
        (moves.churn, moves.zaps, moves.flash) = (churn, zaps, flashAt)
        return moves.isNone ? nil : moves
    }

    /// Likes beside the comments; `nil` for none.
    var likes: LikesSettings? {
        guard let likesRate else { return nil }
        var likes = LikesSettings.standard
        (likes.users, likes.rate, likes.photoCount, likes.hotShare) = (0, likesRate, photos, hotPhotoShare)
        (likes.photosEach, likes.seed) = (10, seed)
        return likes
    }

    var title: String {
        let placements = placements.map(\.rawValue).joined(separator: " and ")
        return "Run: \(placements), \(Format.grouped(viewers)) viewers, \(readers) Readers"
    }

    /// One after the other: the preset million compares two, unless one was typed.
    var placements: [PlacementStrategy] {
        preset == .million && !typed.contains("--placement") ? [.random, .overflow] : [placement]
    }

    /// The command that repeats the run.
    var commandLine: String {
        guard preset == .seed else {
            // Random placement is what nothing typed means, but for this preset.
            let isOnlyRandom = preset == .million && placements == [.random]
            return commandLine("run") + (isOnlyRandom ? " --placement random" : "")
        }
        // The preset says the rest.
        var typed = RunSettings.standard
        (typed.preset, typed.readers, typed.commentApis) = (preset, readers, commentApis)
        (typed.duration, typed.seed, typed.placement) = (duration, seed, placement)
        return typed.commandLine("run")
    }

    private static var seedPreset: RunSettings {
        var settings = RunSettings.standard
        (settings.streams, settings.viewers, settings.readers, settings.rate) = (2, 3, 3, 3)
        (settings.duration, settings.audience) = (10, .uniform)
        return settings
    }

    /// With what the preset says where nothing was typed.
    ///
    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func checked(_ capacity: Capacity) throws(Failure) -> RunSettings {
        var settings =
            switch preset {
            case .seed: over(RunSettings.seedPreset)
            case .million: over(CrowdPlan.preset)
            case .reference, nil: self
            }
        if preset == .million, !typed.contains("--readers") {
            settings.readers = CrowdPlan.readers(for: settings.viewers, capacity)
        }
        var problems = self.problems
        let crowd: Set = [
            "--streams", "--viewers", "--rate", "--audience", "--swarms", "--likes-rate", "--warmup", "--churn",
            "--zaps", "--flash-at", "--transport",
        ]
        for name in typed where preset == .seed && crowd.contains(name) {
            problems.append(
                "\(name): the preset 'seed' always has 3 people on 2 videos; leave it out, or leave out the preset")
        }
        let others: Set = ["--likes-rate", "--warmup", "--zaps", "--flash-at", "--allow", "--transport"]
        for name in typed where preset == .million && others.contains(name) {
            problems.append("\(name): cannot be with the preset 'million', which has phases of its own")
        }
        if preset != .million, typed.contains("--hold") {
            problems.append("--hold: means nothing without the preset 'million'")
        }
        for name in typed where likesRate == nil && ["--photos", "--hot-photo-share"].contains(name) {
            problems.append("\(name): means nothing without --likes-rate")
        }
        if let flashAt, flashAt.seconds >= settings.warmup + settings.duration {
            problems.append("--flash-at \(flashAt): must be before the end of --warmup and --duration")
        }
        if problems.isEmpty { problems += ProcessPlan.problems(with: settings, capacity) }
        guard problems.isEmpty else { throw .arguments(problems) }
        return settings
    }
}

extension Audience {
    /// The audience of a command's arguments.
    ///
    /// - Throws: ``Failure/arguments(_:)`` when it cannot be made of so few viewers.
    static func of(
        _ spec: AudienceSpec, channels: Int, viewers: Int, seed: UInt64, crowdShare: Double? = nil
    ) throws(Failure) -> Audience {
        do {
            return try Audience(spec, channels: channels, viewers: viewers, seed: seed, crowdShare: crowdShare)
        } catch {
            throw .arguments([error.description])
        }
    }
}
