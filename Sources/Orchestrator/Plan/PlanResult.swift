import Audience
import Placement
import Report
import Testbed

/// How many Readers and Redis nodes each placement needs.
struct PlanResult: Sendable {
    var settings: PlanSettings
    /// What it was counted with.
    var calibration: Calibration
    var answers: [PlanAnswer]
    /// Loads that were put on this machine.
    var checked: [PlanCheck.Outcome] = []

    static let metrics = MetricList<PlanAnswer> { list in
        list.group("Answer")
        list.count("Readers", .lowerIsBetter) { $0.readers }
        list.count("Redis nodes", .lowerIsBetter) { $0.redisNodes }
        list.count("CommentAPIs", .lowerIsBetter) { $0.commentAPIs }
        list.add("to take a lost Reader's viewers", .seconds) { $0.takeOverSeconds }
        list.add("times the comments before a limit breaks") { $0.breaksFirst?.factor }
        list.group("What the busiest Reader and Redis have to do, with one Reader lost")
        list.count("Readers left") { $0.demand.readers }
        list.add("viewers of the fullest Reader") { $0.demand.viewers.rounded() }
        list.add("channels of one Reader") { $0.demand.channels.rounded() }
        list.add("events to viewers, busiest Reader", .perSecond) { $0.demand.busiest.deliveriesPerSecond }
        list.add("messages from Redis, one Reader", .perSecond) { $0.demand.busiest.messagesPerSecond }
        list.add("viewers of one channel on one Reader, most") { $0.demand.busiest.hottestPart.rounded() }
        list.add("cores that the busiest Reader uses") { $0.coresUsed }
        list.add("subscriptions") { $0.demand.subscriptions.rounded() }
        list.add("Redis deliveries", .perSecond) { $0.demand.redisDeliveriesPerSecond }
    }

    /// - Parameter base: what the report begins with.
    func report(_ base: Report) -> Report {
        var report = base
        report.finishedAt = Report.now()
        report.summary = summary
        report.verdict.checks = [
            .completed(nil),
            Check(
                "answer", passed: answers.contains(where: \.holds),
                answers.contains(where: \.holds)
                    ? "there is a number of Readers that suffices" : "no number of Readers suffices under any placement"
            ),
            Check(
                "measured",
                problems: settings.extrapolate
                    ? [] : answers.flatMap { one in one.beyondMeasured.map { "\(one.placement.rawValue): \($0)" } },
                else: "every load of the plan is like those that were measured, or --extrapolate was given"),
        ]
        report.verdict.checks += checked.map(\.check)
        report.metrics = answers.flatMap { Self.metrics.metrics(of: $0, scope: $0.placement.rawValue) }
        report.tables = [decided, headroom] + (checked.isEmpty ? [] : [PlanCheck.table(checked)])
        report.charts = charts
        let host = settings.host
        report.notes = [
            "comments in proportion to viewers; a history holds \(Format.plain(PlanLimits.historyLength)) comments of a channel"
                + " for an hour",
            "one Reader, one Redis node: a machine of its own: \(host.cores) cores, \(Format.plain(host.memoryGiB)) GiB,"
                + " \(Format.plain(host.networkGbit)) Gbit/s, \(host.descriptors) descriptors a process;"
                + " \(Format.percent(host.fill)) of cores, memory and network are used at most",
            "calibration: \(settings.calibration), \(calibration.finishedAt), \(calibration.environment.build) build,"
                + " \(calibration.environment.machine)",
        ]
        if calibration.environment.build == "debug" {
            report.notes.append(
                "the calibration is of a debug build: a release build needs a fraction of the processors")
        }
        return report
    }

    private var charts: [Chart] {
        let names = answers.map { $0.placement.rawValue + ($0.holds ? "" : " (no number suffices)") }
        let used = answers.map { answer in
            let values = PlanLimit.Name.allCases.map { name in
                answer.limits.first { $0.name == name }.map { min(150, max(0, (1 - $0.headroom) * 100)) } ?? 0
            }
            return (answer.placement.rawValue, values)
        }
        return [
            Chart(
                bars: "Readers", y: "processes", labels: names, [("Readers", answers.map { Double($0.readers ?? 0) })]),
            Chart(
                bars: "Redis nodes", y: "processes", labels: names,
                [("nodes", answers.map { Double($0.redisNodes ?? 0) })]),
            Chart(
                bars: "What is used of each limit, with one Reader lost (above 100% it does not hold)", y: "%",
                labels: PlanLimit.Name.allCases.map(\.rawValue), used),
        ]
    }

    private var summary: String {
        let parts = answers.map { answer in
            guard let readers = answer.readers, let nodes = answer.redisNodes else {
                let names = answer.failing.map(\.name.rawValue).joined(separator: ", ")
                return
                    "\(answer.placement.rawValue): no number of Readers up to \(Format.grouped(Planner.readersMax)) suffices (\(names))"
            }
            let tight = answer.tightest.map {
                ", the least is left of \($0.name.rawValue) (\(Format.percent($0.headroom)))"
            }
            return
                "\(answer.placement.rawValue): \(readers) Readers\(answer.holds ? "" : " do not suffice"), \(nodes) Redis"
                + " node\(nodes == 1 ? "" : "s") and \(answer.commentAPIs) CommentAPIs\(tight ?? "")"
        }
        return "\(Format.grouped(settings.viewers)) viewers of \(Format.grouped(settings.streams)) streams who write"
            + " \(Format.plain(settings.rate)) comments a second, with one Reader lost: \(parts.joined(separator: "; "))."
    }

    private var decided: Table {
        Table(
            "What decides",
            [
                .init("placement", .left), .init("one Reader less fails on", .left),
                .init("with more comments breaks first", .left),
            ],
            rows: answers.map { answer in
                let names = answer.decidedBy.map(\.rawValue).joined(separator: ", ")
                let failing = answer.failing.map(\.name.rawValue).joined(separator: ", ")
                let text = answer.readers == nil ? "no number suffices: \(failing)" : names.isEmpty ? "-" : names
                let first = answer.breaksFirst.map {
                    "\($0.limit.rawValue), at \(Format.decimal($0.factor, 1)) times as many"
                }
                return [answer.placement.rawValue, text, first ?? "-"]
            })
    }

    private var headroom: Table {
        var table = Table(
            "What is left of each limit, with one Reader lost",
            [
                .init("placement", .left), .init("limit", .left), .init("needed"), .init("there is"), .init("left"),
            ])
        for answer in answers {
            for limit in answer.limits {
                table.add([
                    answer.placement.rawValue, limit.name.rawValue, Self.text(limit.need, limit.unit),
                    Self.text(limit.room, limit.unit),
                    limit.holds ? Format.percent(limit.headroom) : "does not hold",
                ])
            }
        }
        return table
    }

    private static func text(_ value: Double, _ unit: String) -> String {
        switch unit {
        case "bytes": return Format.bytes(Int(value))
        case "bytes/s": return Format.decimal(value * 8 / 1e6, 1) + " Mbit/s"
        case "cores": return Format.decimal(value, value < 0.1 ? 4 : 2) + " cores"
        case "ms": return value < 1e6 ? Format.decimal(value, 1) + " ms" : "overloaded"
        default: return Format.grouped(Int(value.rounded(.up)))
        }
    }
}
