import Audience
import Report
import Testbed
import Wire

extension Check {
    /// Whether an experiment came to its end.
    static func completed(_ failure: Failure?) -> Check {
        Check(
            "completed", passed: failure == nil, failure?.description ?? "it came to its end",
            exitCode: failure?.status ?? .interrupted)
    }
}

/// Says whether a run was fine.
enum RunChecker {
    /// A run that failed has no other check than that.
    static func verdict(on result: RunResult, failure: Failure?) -> Verdict {
        var checks = [Check.completed(failure)]
        guard failure == nil else { return Verdict(checks) }
        let connections = result.connections
        checks.append(
            Check(
                "connected", passed: connections.failed == 0,
                connections.failed == 0
                    ? "\(Format.grouped(connections.connected)) viewers connected"
                    : "\(connections.failed) of \(connections.wanted) viewers could not connect", exitCode: .unavailable
            ))
        if let swarm = result.swarm {
            let problems = swarm.delivery.problems
            checks.append(
                Check(
                    "audit", problems: problems.isEmpty ? [] : ["the audit of all viewers found \(problems)"],
                    else: "all \(Format.grouped(swarm.delivery.expected)) deliveries that were owed came once, in order"
                        + " and unaltered"))
            checks += load(swarm, allowed: result.settings.allowed)
        }
        if let spread = result.spread, !result.settings.allowed.contains(.spread) {
            checks.append(
                Check(
                    "spread", problems: deviations(spread, result.readers),
                    else: "the spread is where the formula says"))
        }
        if let likes = result.likes {
            let problems = LikesChecker.complaints(likes).map { "likes: \($0)" }
            checks.append(Check("likes", problems: problems, else: "every like is exact"))
        }
        if !result.people.isEmpty {
            checks.append(
                Check(
                    "people", problems: result.people.compactMap(\.complaint),
                    else: "everybody got the comments on their video and no other"))
        }
        return Verdict(checks)
    }

    /// Whether what was asked for took place: a run in which little happened proves little.
    private static func load(_ swarm: SwarmReport, allowed: Set<Allowance>) -> [Check] {
        let (published, delivery) = (swarm.publishing, swarm.delivery)
        let offered = Format.grouped(published.offered)
        func count(_ number: Int?) -> String { Format.grouped(number ?? 0) }
        let isSmall = published.acknowledged < commentsMin || delivery.delivered < deliveriesMin
        let all: [(Allowance, Bool, String)] = [
            (
                .small, isSmall,
                "only \(count(published.acknowledged)) comments and \(count(delivery.delivered)) deliveries"
            ),
            (
                .dropped, published.dropped > 0,
                "\(count(published.dropped)) of \(offered) comments were never sent: all"
                    + " connections were busy"
            ),
            (.failed, published.failed > 0, "\(count(published.failed)) of \(offered) comments were not acknowledged"),
            (.gaps, delivery.toldMissing > 0, "\(count(delivery.toldMissing)) deliveries were told missing"),
            (.saturated, swarm.generatorLimited, "the simulated viewers were the bottleneck"),
        ]
        return all.compactMap { allowance, isFound, text in
            isFound && !allowed.contains(allowance) ? Check("\(allowance)", passed: false, text) : nil
        }
    }

    /// Fewer say nothing of a 99th percentile.
    private static let commentsMin = 10
    private static let deliveriesMin = 100

    /// Where the subscriptions do not follow the formula: a mean 3 points (or 3 standard deviations, if that is more) off
    /// it, or a Reader further off than ``SpreadOutcome/Deviation/shareLimit(readers:)``.
    private static func deviations(_ spread: RunResult.Spread, _ readers: [RunResult.Reader]) -> [String] {
        guard let mean = spread.measured.meanShare, let predicted = spread.predicted,
            let deviation = predicted.deviation
        else { return [] }
        // Shares move in steps of one channel.
        let step = 1 / Double(max(spread.measured.channels, 1))
        var problems: [String] = []
        if abs(mean - predicted.spread) > max(0.03, 3 * deviation.spread) + step / Double(readers.count) {
            problems.append(
                "the mean spread is \(Format.percent(mean)), the formula says \(Format.percent(predicted.spread))"
            )
        }
        let limit = deviation.shareLimit(readers: readers.count) + step
        for reader in readers where abs(reader.share - predicted.spread) > limit {
            problems.append(
                "\(reader.name) subscribes to \(Format.percent(reader.share)), further than \(Format.percent(limit)) from"
                    + " the formula")
        }
        return problems
    }
}

extension RunChecker {
    /// What fails a run unless it is allowed.
    enum Allowance: String, CaseIterable, Comparable, Codable, CustomStringConvertible, Sendable {
        /// Fewer than 10 comments or 100 deliveries.
        case small
        /// Comments that were never sent, since all connections were busy.
        case dropped
        /// Comments that were refused, failed, or have an unknown outcome.
        case failed
        /// Deliveries that viewers were told to miss.
        case gaps
        /// The generator was the bottleneck.
        case saturated
        /// Subscriptions that do not follow the formula.
        case spread

        static let names = allCases.map(\.rawValue).joined(separator: ", ")
        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
        var description: String { rawValue }
    }
}

extension RunResult.Person {
    /// `nil` when everything came that had to, and nothing else.
    var complaint: String? {
        if !missed.isEmpty { return "\(user), who watches \(video), never got: \(missed.joined(separator: ", "))" }
        if foreign.isEmpty { return nil }
        return "\(user), who watches \(video), got a comment of another video: \(foreign.joined(separator: ", "))"
    }
}
