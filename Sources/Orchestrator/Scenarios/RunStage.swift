import Audience
import Options
import Report
import Testbed

/// A part of a run with a load of its own.
struct RunStage: Equatable, Sendable {
    /// Above 0.
    var seconds: Double
    var load: LoadStage

    /// Such as `6 s, 50/s, 600 viewers`.
    var label: String {
        let viewers = load.viewers.map { ", \(Format.grouped($0)) viewers" } ?? ""
        return "\(Format.plain(seconds)) s, \(Format.plain(load.rate))/s\(viewers)"
    }

    /// What became of it.
    struct Result: Sendable {
        /// From 1 on.
        var number: Int
        var stage: RunStage
        var acknowledged: Int
        var delivered: Int
        /// Since comments were due.
        var latency: LatencySummary

        var name: String { "\(number): \(stage.label)" }
    }

    /// What cannot be in a run with these settings, for each stage.
    static func problems(with stages: [RunStage], _ settings: RunSettings) -> [(stage: Int, text: String)] {
        guard !stages.isEmpty else { return [] }
        if let preset = settings.preset, preset != .reference {
            return [(0, "the preset '\(preset)' has phases of its own")]
        }
        var problems: [(stage: Int, text: String)] = []
        let own: Set = ["--rate", "--duration", "--churn", "--zaps", "--flash-at", "--replay", "--hold"]
        for name in settings.typed where own.contains(name) {
            problems.append((0, "\(name.dropFirst(2)) cannot be with stages, which have their own"))
        }
        if stages.total <= settings.warmup {
            problems.append((0, "are over after \(Format.plain(stages.total)) s, before the end of warmup"))
        }
        for (index, stage) in stages.enumerated() {
            if let viewers = stage.load.viewers, viewers > settings.viewers {
                problems.append((index, "\(viewers) viewers are more than the audience's \(settings.viewers)"))
            }
        }
        return problems
    }
}

extension [RunStage] {
    var total: Double { reduce(0) { $0 + $1.seconds } }

    /// Comments a second that are wanted at a time.
    func rate(at seconds: Double) -> Double {
        var end = 0.0
        for stage in self {
            end += stage.seconds
            if seconds < end { return stage.load.rate }
        }
        return last?.load.rate ?? 0
    }

    /// Comments that are wanted until then.
    func comments(until seconds: Double) -> Double {
        var (start, sum) = (0.0, 0.0)
        for stage in self where seconds > start {
            sum += stage.load.rate * Swift.min(seconds - start, stage.seconds)
            start += stage.seconds
        }
        return sum
    }

    /// What became of each, from the swarms' counts and latencies: the first that they end is the one before these.
    func results(_ ended: [SwarmCoordinator.Stage]) -> [RunStage.Result] {
        guard ended.count > count else { return [] }
        return enumerated().map { index, stage in
            let (before, now) = (ended[index], ended[index + 1])
            return RunStage.Result(
                number: index + 1, stage: stage, acknowledged: now.acknowledged - before.acknowledged,
                delivered: now.delivered - before.delivered, latency: LatencySummary(now.latency))
        }
    }
}

extension RunStage.Result {
    static let metrics = MetricList<RunStage.Result> { list in
        list.group("Stages")
        list.add("wanted", .perSecond) { $0.stage.load.rate }
        list.add("acknowledged a second", .perSecond) { Double($0.acknowledged) / $0.stage.seconds }
        list.add("deliveries a second", .perSecond) { Double($0.delivered) / $0.stage.seconds }
        list.add("p50 of the stage", .milliseconds, .lowerIsBetter, minimumDelta: 1) { $0.latency.p50 }
        list.add("p99 of the stage", .milliseconds, .lowerIsBetter, minimumDelta: 5) { $0.latency.p99 }
    }
}
