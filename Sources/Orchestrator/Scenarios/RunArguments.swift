import ArgumentParser
import Audience
import Placement
import Testbed

/// The options of `run` as they are typed; `nil` where one was left out.
///
/// They are texts, so that all that is wrong with them can be said at once.
struct RunArguments: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: "seed: 3 Readers, 3 people on 2 videos. reference: 100 videos, 2,500 viewers, 5 Readers (the default).")
    var preset: String?
    @Option(parsing: .unconditional, help: "Videos, 1 to 1,000,000.") var streams: String?
    @Option(parsing: .unconditional, help: "Viewers, 1 to 1,000,000.") var viewers: String?
    @Option(parsing: .unconditional, help: "Reader processes, 1 to 100.") var readers: String?
    @Option(parsing: .unconditional, help: "CommentAPI processes, 1 to 16.") var commentApis: String?
    @Option(parsing: .unconditional, help: "Comments per second over all videos, 0.1 to 100,000.") var rate: String?
    @Option(parsing: .unconditional, help: "Seconds of publishing, 1 to 86,400.") var duration: String?
    @Option(parsing: .unconditional, help: "Seconds of publishing before that, left out of the latencies, 0 to 3,600.")
    var warmup: String?
    @Option(parsing: .unconditional, help: "The same seed makes the same audience, 0 to 2^64-1.") var seed: String?
    @Option(parsing: .unconditional, help: "reference, uniform, zipf:<exponent>, flash or flash:<share>.") var audience:
        String?
    @Option(parsing: .unconditional, help: "random, round-robin, least-connections, rendezvous or overflow.")
    var placement: String?
    @Option(parsing: .unconditional, help: "Swarm processes; as many as descriptors ask for, if left out.") var swarms:
        String?
    @Option(
        parsing: .unconditional, help: "Part of the viewers that leave each minute, and others come for them, 0 to 600."
    )
    var churn: String?
    @Option(parsing: .unconditional, help: "Part of the viewers that change the video each minute, 0 to 600.")
    var zaps: String?
    @Option(
        parsing: .unconditional,
        help: "<seconds>[:<share>]: then this part of the viewers comes to the first video together.")
    var flashAt: String?
    @Option(parsing: .unconditional, help: "Users who like photos each second, beside the comments; 0.1 to 100,000.")
    var likesRate: String?
    @Option(parsing: .unconditional, help: "Photos that are liked and watched, 1 to 1,000 (10).") var photos: String?
    @Option(parsing: .unconditional, help: "Part of all likes that go to the first photo, 0 to 1 (0.5).")
    var hotPhotoShare: String?

    @Option(
        parsing: .unconditionalSingleValue,
        help: "What else fails a run, may be given several times: \(RunChecker.Allowance.names).")
    var allow: [String] = []

    /// The preset's settings, changed by what was typed.
    ///
    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func settings(limits: DescriptorLimits) throws(Failure) -> RunSettings {
        var check = ArgumentCheck()
        var settings = RunSettings()
        if let preset {
            if let known = RunSettings.Preset(rawValue: preset) {
                settings = .preset(known)
            } else {
                check.refuse("--preset \(preset): must be one of seed, reference")
            }
        }
        read(into: &settings, &check)
        if settings.preset == .seed { refuseCrowd(&check) }
        if check.problems.isEmpty { check.problems += ProcessPlan.problems(with: settings, limits: limits) }
        guard check.problems.isEmpty else { throw .arguments(check.problems) }
        return settings
    }

    private func read(into settings: inout RunSettings, _ check: inout ArgumentCheck) {
        check.read("--streams", streams, 1...1_000_000, into: &settings.streams)
        check.read("--viewers", viewers, 1...1_000_000, into: &settings.viewers)
        check.read("--readers", readers, 1...100, into: &settings.readers)
        check.read("--comment-apis", commentApis, 1...16, into: &settings.commentAPIs)
        check.read("--rate", rate, 0.1...100_000, into: &settings.rate)
        check.read("--duration", duration, 1...86_400, into: &settings.durationSeconds)
        check.read("--warmup", warmup, 0...3_600, into: &settings.warmupSeconds)
        check.readSeed("--seed", seed, into: &settings.seed)
        if let swarms {
            var number = 1
            check.read("--swarms", swarms, 1...64, into: &number)
            settings.swarms = number
        }
        for name in allow {
            if let known = RunChecker.Allowance(rawValue: name) {
                settings.allowed.insert(known)
            } else {
                check.refuse("--allow \(name): must be one of \(RunChecker.Allowance.names)")
            }
        }
        var (moves, flash) = (Moves(), FlashCrowd(seconds: 0, share: 0))
        check.read("--churn", churn, 0...600, into: &moves.churn)
        check.read("--zaps", zaps, 0...600, into: &moves.zaps)
        check.read("--flash-at", flashAt, with: FlashCrowd.parse, into: &flash)
        if flashAt != nil { moves.flash = flash }
        if flash.seconds >= settings.warmupSeconds + settings.durationSeconds {
            check.refuse("--flash-at \(flash): must be before the end of --warmup and --duration")
        }
        settings.moves = moves.isNone ? nil : moves
        settings.likes = RunLikes.read(rate: likesRate, photos: photos, hotShare: hotPhotoShare, &check)
        check.read("--placement", placement, with: PlacementStrategy.parse, into: &settings.placement)
        check.read("--audience", audience, with: AudienceSpec.parse, into: &settings.audience)
    }

    private func refuseCrowd(_ check: inout ArgumentCheck) {
        let crowd = [
            ("--streams", streams), ("--viewers", viewers), ("--rate", rate), ("--audience", audience),
            ("--swarms", swarms), ("--likes-rate", likesRate), ("--warmup", warmup),
            ("--churn", churn), ("--zaps", zaps), ("--flash-at", flashAt),
        ]
        for (name, value) in crowd where value != nil {
            check.refuse(
                "\(name): the preset 'seed' always has 3 people on 2 videos; leave it out, or leave out the preset")
        }
    }
}
