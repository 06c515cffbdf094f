import Audience
import Placement

/// How many Readers and Redis nodes each placement needs: `report.json`.
struct PlanReport: Codable, Equatable, Sendable {
    static let schemaVersion = 1

    var schema = PlanReport.schemaVersion
    var kind = "plan"
    var settings: PlanSettings
    var command: String
    var software: Software
    /// What it was counted with.
    var calibration: Calibration
    var startedAt: String
    var answers: [PlanAnswer]

    var conclusion: String {
        let parts = answers.map { answer in
            guard let readers = answer.readers, let nodes = answer.redisNodes else {
                let names = answer.failing.map(\.name.rawValue).joined(separator: ", ")
                return
                    "\(answer.placement.rawValue): no number of Readers up to \(Figure.grouped(Planner.readersMax)) suffices (\(names))"
            }
            let tight = answer.tightest.map {
                ", the least is left of \($0.name.rawValue) (\(Format.percent($0.headroom)))"
            }
            return
                "\(answer.placement.rawValue): \(readers) Readers and \(nodes) Redis node\(nodes == 1 ? "" : "s")\(tight ?? "")"
        }
        return "\(Figure.grouped(settings.viewers)) viewers of \(Figure.grouped(settings.streams)) streams who write"
            + " \(Format.plain(settings.rate)) comments a second, with one Reader lost: \(parts.joined(separator: "; "))."
    }

    private var note: String? {
        calibration.software.build == "debug"
            ? "The calibration is of a debug build: a release build needs a fraction of the processors." : nil
    }

    func summary() -> String {
        "\n" + sections.dropLast().map { "\($0.title)\n\n\($0.table.plain())\n" }.joined()
            + [conclusion, note].compactMap { $0 }.joined(separator: "\n") + "\n"
    }

    var sections: [Page.Table] {
        [
            Page.Table(title: "Answer", table: answer),
            Page.Table(title: "What is left of each limit, with one Reader lost", table: headroom),
            Page.Table(title: "What the busiest Reader and Redis have to do", table: demands),
            Page.Table(title: "Conditions", table: conditions),
        ]
    }

    private var answer: TextTable {
        var table = TextTable([
            .init("placement", .left), .init("Readers"), .init("Redis nodes"), .init("one Reader less fails on", .left),
            .init("s to take a lost Reader's viewers"),
        ])
        for answer in answers {
            let decided =
                answer.readers == nil
                ? "no number suffices: " + answer.failing.map(\.name.rawValue).joined(separator: ", ")
                : answer.decidedBy.isEmpty ? "-" : answer.decidedBy.map(\.rawValue).joined(separator: ", ")
            table.add([
                answer.placement.rawValue, answer.readers.map { "\($0)" } ?? "-",
                answer.redisNodes.map { "\($0)" } ?? "-", decided, Figure.decimal(answer.takeOverSeconds, 1),
            ])
        }
        return table
    }

    private var headroom: TextTable {
        var table = TextTable([
            .init("placement", .left), .init("limit", .left), .init("needed"), .init("there is"), .init("left"),
        ])
        for answer in answers {
            for limit in answer.limits {
                table.add([
                    answer.placement.rawValue, limit.name.rawValue, PlanReport.text(limit.need, limit.unit),
                    PlanReport.text(limit.room, limit.unit),
                    limit.holds ? Format.percent(limit.headroom) : "does not hold",
                ])
            }
        }
        return table
    }

    private var demands: TextTable {
        var table = TextTable(
            [.init("", .left)] + answers.map { .init("\($0.placement.rawValue), \($0.demand.readers) Readers left") })
        let rows: [(String, (PlanDemand) -> Double)] = [
            ("viewers of the fullest Reader", { $0.viewers }), ("channels of one Reader", { $0.channels }),
            ("events to viewers a second, busiest Reader", { $0.deliveriesPerSecond }),
            ("messages from Redis a second, one Reader", { $0.messagesPerSecond }),
            ("viewers of one channel on one Reader, most", { $0.hottestPart }),
            ("subscriptions", { $0.subscriptions }), ("Redis deliveries a second", { $0.redisDeliveriesPerSecond }),
        ]
        for (name, value) in rows {
            table.add([name] + answers.map { Figure.grouped(Int(value($0.demand).rounded())) })
        }
        return table
    }

    private var conditions: TextTable {
        var table = TextTable([.init("condition", .left), .init("value", .left)])
        table.add(["command", command])
        table.add(["audience", "\(settings.audience), seed \(settings.seed); comments in proportion to viewers"])
        table.add([
            "one Reader, one Redis node",
            "a machine of its own: \(settings.host.cores) cores, \(Format.plain(settings.host.memoryGiB)) GiB,"
                + " \(Format.plain(settings.host.networkGbit)) Gbit/s, \(settings.host.descriptors) descriptors a process;"
                + " \(Format.percent(settings.host.fill)) of cores, memory and network are used at most",
        ])
        table.add(["history", "\(Format.plain(PlanLimits.historyLength)) comments of a channel for an hour"])
        table.add([
            "calibration",
            "\(settings.calibration), \(calibration.finishedAt), \(calibration.software.build) build, \(calibration.machine.text)",
        ])
        return table
    }

    private static func text(_ value: Double, _ unit: String) -> String {
        guard value.isFinite else { return "no end" }
        switch unit {
        case "bytes": return Format.bytes(Int(value))
        case "bytes/s": return Figure.decimal(value * 8 / 1e6, 1) + " Mbit/s"
        case "cores": return Figure.decimal(value, value < 0.1 ? 4 : 2) + " cores"
        case "ms": return Figure.decimal(value, 1) + " ms"
        default: return Figure.grouped(Int(value.rounded(.up)))
        }
    }
}

extension PlanReport: Report {
    func markdown() -> String {
        "# Plan\n\n" + [conclusion, note].compactMap { $0 }.joined(separator: "\n\n") + "\n\n"
            + sections.map { "## \($0.title)\n\n\($0.table.markdown())\n" }.joined()
    }

    /// One line a placement and limit.
    func csv() -> String {
        var file = CSV(["placement", "readers", "redis_nodes", "limit", "unit", "need", "room", "headroom"])
        for answer in answers {
            for limit in answer.limits {
                file.add([
                    answer.placement.rawValue, answer.readers.map { "\($0)" } ?? "",
                    answer.redisNodes.map { "\($0)" } ?? "", limit.name.rawValue, limit.unit, "\(limit.need)",
                    "\(limit.room)", "\(limit.headroom)",
                ])
            }
        }
        return file.text
    }

    func page() -> Page {
        var page = Page(
            title: "Plan: \(Figure.grouped(settings.streams)) streams, \(Figure.grouped(settings.viewers)) viewers",
            conclusion: [conclusion, note].compactMap { $0 }.joined(separator: " "))
        let names = answers.map { $0.placement.rawValue + ($0.holds ? "" : " (no number suffices)") }
        page.charts = [
            .bars(
                "Readers", yTitle: "processes", labels: names,
                [(name: "Readers", values: answers.map { Double($0.readers ?? 0) })]),
            .bars(
                "Redis nodes", yTitle: "processes", labels: names,
                [(name: "nodes", values: answers.map { Double($0.redisNodes ?? 0) })]),
            .bars(
                "What is used of each limit, with one Reader lost (above 100% it does not hold)", yTitle: "%",
                labels: PlanLimit.Name.allCases.map(\.rawValue),
                answers.map { answer in
                    let used = PlanLimit.Name.allCases.map { name in
                        answer.limits.first { $0.name == name }.map { min(150, max(0, (1 - $0.headroom) * 100)) } ?? 0
                    }
                    return (name: answer.placement.rawValue, values: used)
                }),
        ]
        page.tables = sections
        page.footer = command
        return page
    }
}
