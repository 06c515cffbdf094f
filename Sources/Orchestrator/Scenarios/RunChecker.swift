import Audience
import Report

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
        if let counts = result.swarm?.delivery {
            let found = findings(counts)
            checks.append(
                Check(
                    "audit", problems: found.isEmpty ? [] : ["the audit of all viewers found \(found)"],
                    else: "nothing lost, nothing repeated, nothing out of order"))
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

    private static func findings(_ counts: DeliveryCounts) -> String {
        let all = [
            (counts.lost, "lost"), (counts.repeated, "repeated"), (counts.reordered, "out of order"),
            (counts.epochBreaks, "unannounced new histories"),
        ]
        return all.filter { $0.0 > 0 }.map { "\(Format.grouped($0.0)) \($0.1)" }.joined(separator: ", ")
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
