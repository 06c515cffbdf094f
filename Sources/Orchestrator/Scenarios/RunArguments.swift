import Audience
import Placement

/// The options of `run` as they were typed; `nil` where one was left out.
///
/// They are texts, so that all that is wrong with them can be said at once.
struct RunArguments: Equatable, Sendable {
    var preset: String?
    var streams: String?
    var viewers: String?
    var readers: String?
    var commentAPIs: String?
    var rate: String?
    var duration: String?
    var seed: String?
    var audience: String?
    var placement: String?
    var swarms: String?
    var likesRate: String?
    var photos: String?
    var hotPhotoShare: String?

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
        check.read("--comment-apis", commentAPIs, 1...16, into: &settings.commentAPIs)
        check.read("--rate", rate, 0.1...100_000, into: &settings.rate)
        check.read("--duration", duration, 1...86_400, into: &settings.durationSeconds)
        check.readSeed("--seed", seed, into: &settings.seed)
        if let swarms {
            var number = 1
            check.read("--swarms", swarms, 1...64, into: &number)
            settings.swarms = number
        }
        settings.likes = RunLikes.read(rate: likesRate, photos: photos, hotShare: hotPhotoShare, &check)
        check.read("--placement", placement, with: PlacementStrategy.parse, into: &settings.placement)
        check.read("--audience", audience, with: AudienceSpec.parse, into: &settings.audience)
    }

    private func refuseCrowd(_ check: inout ArgumentCheck) {
        let crowd = [
            ("--streams", streams), ("--viewers", viewers), ("--rate", rate), ("--audience", audience),
            ("--swarms", swarms), ("--likes-rate", likesRate),
        ]
        for (name, value) in crowd where value != nil {
            check.refuse(
                "\(name): the preset 'seed' always has 3 people on 2 videos; leave it out, or leave out the preset")
        }
    }
}
