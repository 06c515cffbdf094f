import ArgumentParser
import Audience
import Options
import Placement
import Report
import Testbed

/// Every parameter of one run, as `run` reads it: with the same settings and seed, the same audience watches the same
/// channels.
struct RunSettings: ParsableArguments, AudienceSettings {
    enum Preset: String, CaseIterable, Sendable {
        /// 3 Readers and 3 people who write every second: user1 and user3 on video1, user2 on video2.
        case seed
        /// 100 videos, 2,500 viewers in the tiers of the reference design, 5 Readers.
        case reference
        /// 90,000 videos, 1,000,000 viewers, as many Readers as that takes; random placement, then overflow.
        case million
        /// 10,000 people who register, post, follow, like, comment and read feeds; audited in the end.
        case social
    }

    @Option(
        """
        seed: 3 Readers, 3 people on 2 videos. reference: 100 videos, 2,500 viewers, 5 Readers (the default). \
        million: 90,000 videos, 1,000,000 viewers, random placement and then overflow. \
        social: 10,000 people (--viewers) who register, post, follow, like, comment and read feeds, 200 times a second \
        (--rate) for 60 s.
        """, optional(oneOf(Preset.reference)))
    @Checked var preset: Preset? = nil
    @Option("Videos, 1 to 1,000,000.", within(1...1_000_000)) @Checked var streams = 100
    @Option("Viewers, 1 to 1,000,000.", within(1...1_000_000)) @Checked var viewers = 2_500
    @Option("Reader processes, 1 to 100.", within(1...100)) @Checked var readers = 5
    @Option("CommentAPI processes, 1 to 16.", within(1...16)) @Checked var commentApis = 1
    @Option("Masters of a Redis Cluster, 1 to 30; one Redis, if left out.", optional(within(1...30)))
    @Checked var redisNodes: Int? = nil
    @Option("Replicas of each of them, 0 to 3.", within(0...3)) @Checked var redisReplicas = 0
    @Option("Comments per second over all videos, 0.1 to 100,000.", within(0.1...100_000)) @Checked var rate = 50.0
    @Option("Seconds of publishing, 1 to 86,400.", within(1...86_400.0)) @Checked var duration = 20.0
    @Option("Seconds of publishing before that, left out of the latencies, 0 to 3,600.", within(0...3_600.0))
    @Checked var warmup = 2.0
    @Option("Seconds without a comment when all have connected, preset million; 1 to 86,400.", within(1...86_400.0))
    @Checked var hold = 300.0
    @Option("The same seed makes the same audience, 0 to 2^64-1.", anySeed) @Checked var seed: UInt64 = 1
    @Option(
        "reference, uniform, zipf:<exponent>, flash or flash:<share>.",
        anyAudience)
    @Checked var audience = AudienceSpec.reference
    @Option(
        "random, round-robin, least-connections, rendezvous or overflow.",
        parsed(PlacementStrategy.random, PlacementStrategy.parse))
    @Checked var placement = PlacementStrategy.random
    @Option("Swarm processes, 1 to 64; as many as descriptors ask for, if left out.", optional(within(1...64)))
    @Checked var swarms: Int? = nil
    @Option(.init(ViewerTransport.described), oneOf(ViewerTransport.stream))
    @Checked var transport = ViewerTransport.stream
    @Option("Part of the viewers that leave each minute, and others come for them, 0 to 600.", within(0...600.0))
    @Checked var churn = 0.0
    @Option("Part of the viewers that change the video each minute, 0 to 600.", within(0...600.0))
    @Checked var zaps = 0.0
    @Option(
        "<seconds>[:<share>]: then this part of the viewers comes to the first video together.",
        optional(parsed(FlashCrowd(seconds: 0, share: 0), FlashCrowd.parse)))
    @Checked var flashAt: FlashCrowd? = nil
    @Option("Users who like photos each second, beside the comments; 0.1 to 100,000.", optional(within(0.1...100_000)))
    @Checked var likesRate: Double? = nil
    @Option("Photos that are liked and watched, 1 to 1,000.", within(1...1_000)) @Checked var photos = 10
    @Option("Part of all likes that go to the first photo, 0 to 1.", within(0...1.0)) @Checked var hotPhotoShare = 0.5
    @Option("File that gets a trace of who joined, left and commented when (NDJSON).", optional(fileName))
    @Checked var record: String? = nil
    @Option(
        "A trace of --record to replay: videos, viewers, comments and time are those of the trace.",
        optional(fileName))
    @Checked var replay: String? = nil
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

    var redisTopology: RedisTopology { RedisTopology(nodes: redisNodes, replicas: redisReplicas) }

    var title: String {
        if preset == .social { return "Run: \(Format.grouped(viewers)) people, posts and feeds" }
        let placements = placements.map(\.rawValue).joined(separator: " and ")
        return "Run: \(placements), \(Format.grouped(viewers)) viewers, \(readers) Readers"
    }

    /// One after the other: the preset million compares two, unless one was typed.
    var placements: [PlacementStrategy] {
        preset == .million && !typed.contains("--placement") ? [.random, .overflow] : [placement]
    }

    /// The command that repeats the run.
    var commandLine: String {
        if replay != nil {
            // The trace says the rest.
            var typed = self
            (typed.streams, typed.viewers) = (RunSettings.standard.streams, RunSettings.standard.viewers)
            (typed.rate, typed.duration) = (RunSettings.standard.rate, RunSettings.standard.duration)
            return typed.commandLine("run")
        }
        guard preset == .seed else {
            // Random placement is what nothing typed means, but for this preset.
            let isOnlyRandom = preset == .million && placements == [.random]
            return commandLine("run") + (isOnlyRandom ? " --placement random" : "")
        }
        // The preset says the rest.
        var typed = RunSettings.standard
        (typed.preset, typed.readers, typed.commentApis) = (preset, readers, commentApis)
        (typed.duration, typed.seed, typed.placement) = (duration, seed, placement)
        (typed.redisNodes, typed.redisReplicas) = (redisNodes, redisReplicas)
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
            case .social: over(SocialPlan.preset)
            case .reference, nil: self
            }
        if preset == .million, !typed.contains("--readers") {
            settings.readers = CrowdPlan.readers(for: settings.viewers, capacity)
        }
        var problems = self.problems
        let crowd: Set = [
            "--streams", "--viewers", "--rate", "--audience", "--swarms", "--likes-rate", "--warmup", "--churn",
            "--zaps", "--flash-at", "--record", "--replay", "--transport",
        ]
        problems += refused(
            crowd, if: preset == .seed,
            "the preset 'seed' always has 3 people on 2 videos; leave it out, or leave out the preset")
        let others: Set = [
            "--likes-rate", "--warmup", "--zaps", "--flash-at", "--allow", "--record", "--replay", "--transport",
        ]
        problems += refused(
            others, if: preset == .million, "cannot be with the preset 'million', which has phases of its own")
        if preset == .social {
            let own = Set(typed).subtracting(SocialPlan.options)
            problems += refused(own, "means nothing with the preset 'social'")
            guard problems.isEmpty else { throw .arguments(problems) }
            return settings
        }
        problems += refused(["--hold"], if: preset != .million, "means nothing without the preset 'million'")
        problems += refused(
            ["--photos", "--hot-photo-share"], if: likesRate == nil, "means nothing without --likes-rate")
        problems += refused(["--redis-replicas"], if: redisNodes == nil, "means nothing without --redis-nodes")
        if replay != nil { problems += settings.takeTrace() }
        if let record, !ReportFolder.canWrite(record) {
            problems.append("--record \(record): must be a file in a folder that is there and can be written to")
        }
        if let flashAt, flashAt.seconds >= settings.warmup + settings.duration {
            problems.append("--flash-at \(flashAt): must be before the end of --warmup and --duration")
        }
        if problems.isEmpty { problems += ProcessPlan.problems(with: settings, capacity) }
        guard problems.isEmpty else { throw .arguments(problems) }
        return settings
    }
}

extension RunSettings {
    /// The trace that is to be done again; `nil` without one.
    func trace() throws(Failure) -> Trace? {
        guard let replay else { return nil }
        do throws(InvalidParameter) { return try Trace(reading: replay) } catch {
            throw .arguments(["--replay \(replay): must be \(error.expected)"])
        }
    }

    /// Takes what the trace says; what is wrong with that.
    private mutating func takeTrace() -> [String] {
        let own: Set = [
            "--streams", "--viewers", "--audience", "--seed", "--rate", "--duration", "--churn", "--zaps", "--flash-at",
        ]
        var problems = refused(own, "cannot be with --replay: the trace has its own")
        do throws(Failure) {
            guard let trace = try trace() else { return problems }
            (streams, viewers) = (trace.audience.channels, trace.audience.total)
            duration = trace.seconds - warmup
            rate = Double(trace.comments.count) / trace.seconds
            if duration <= 0 {
                problems.append("--warmup \(Format.plain(warmup)): the trace is over by then")
            }
        } catch {
            if case .arguments(let found) = error { problems += found }
        }
        return problems
    }

    /// Whom the formula of the spread is about: whoever watches in the end; `nil` where nobody has counted them.
    func audience(_ stages: [RunStage]) throws(Failure) -> Audience? {
        if stages.contains(where: { $0.load.viewers != nil }) { return nil }
        if let trace = try trace() { return trace.audienceAtEnd.total > 0 ? trace.audienceAtEnd : nil }
        return try makeAudience(crowdShare: moves?.flash?.share)
    }
}

/// What says who watches what.
protocol AudienceSettings {
    var audience: AudienceSpec { get }
    var streams: Int { get }
    var viewers: Int { get }
    var seed: UInt64 { get }
}

extension AudienceSettings {
    /// - Parameter crowdShare: part of the viewers who come to the first channel together.
    /// - Throws: ``Failure/arguments(_:)`` when it cannot be made of so few viewers.
    func makeAudience(crowdShare: Double? = nil) throws(Failure) -> Audience {
        do throws(InvalidParameter) {
            return try Audience(audience, channels: streams, viewers: viewers, seed: seed, crowdShare: crowdShare)
        } catch {
            throw .arguments([error.description])
        }
    }
}
