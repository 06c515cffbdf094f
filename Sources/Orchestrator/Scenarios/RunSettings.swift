import Audience
import Placement
import Report

/// Every parameter of one run: with the same settings and seed, the same audience watches the same channels.
struct RunSettings: Codable, Equatable, Sendable {
    enum Preset: String, Codable, CaseIterable, Sendable {
        /// 3 Readers and 3 people who write every second: user1 and user3 on video1, user2 on video2.
        case seed
        /// 100 videos, 2,500 viewers in the tiers of the reference design, 5 Readers.
        case reference
    }

    var preset: Preset?
    var streams = 100
    var viewers = 2_500
    var readers = 5
    var commentAPIs = 1
    /// Comments per second, over all streams.
    var rate = 50.0
    /// Of publishing, after all viewers are connected.
    var durationSeconds = 20.0
    /// Of publishing before that, which the latencies leave out.
    var warmupSeconds = 2.0
    var seed: UInt64 = 1
    var audience = AudienceSpec.reference
    var placement = PlacementStrategy.random
    /// Swarm processes; `nil` means as many as their limit of descriptors asks for.
    var swarms: Int?
    /// Viewers who come and go while comments are written; `nil` when nobody does.
    var moves: Moves?
    /// Likes beside the comments; `nil` for none.
    var likes: RunLikes?
    /// Checks that may fail.
    var allowed: Set<RunChecker.Allowance> = []
    /// How often every process reports to the StatsAPI.
    var reportIntervalSeconds = 0.5

    static func preset(_ preset: Preset) -> RunSettings {
        var settings = RunSettings()
        settings.preset = preset
        if preset == .seed {
            settings.streams = 2
            settings.viewers = 3
            settings.readers = 3
            settings.rate = 3
            settings.durationSeconds = 10
            settings.audience = .uniform
        }
        return settings
    }

    var title: String { "Run: \(placement.rawValue), \(Format.grouped(viewers)) viewers, \(readers) Readers" }

    /// The command that repeats the run.
    var commandLine: String {
        var words = ["Orchestrator run"]
        if let preset { words.append("--preset \(preset.rawValue)") }
        if preset != .seed {
            words += [
                "--streams \(streams)", "--viewers \(viewers)", "--audience \(audience)",
                "--rate \(Format.plain(rate))",
            ]
            if let swarms { words.append("--swarms \(swarms)") }
        }
        words += [
            "--readers \(readers)", "--comment-apis \(commentAPIs)", "--duration \(Format.plain(durationSeconds))",
        ]
        if preset != .seed { words.append("--warmup \(Format.plain(warmupSeconds))") }
        words += ["--seed \(seed)", "--placement \(placement.rawValue)"]
        words += moves?.arguments ?? []
        if let likes { words.append(likes.commandLine) }
        words += allowed.sorted().map { "--allow \($0)" }
        return words.joined(separator: " ")
    }
}
