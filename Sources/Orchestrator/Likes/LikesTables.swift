import Audience

/// The tables of likes.
enum LikesTables {
    static func photos(_ outcome: LikesReport.Outcome) -> TextTable {
        var table = TextTable([
            .init("photo", .left), .init("users"), .init("must like it"), .init("in Redis"), .init("told"),
            .init("in PostgreSQL"), .init("its count"), .init("users wrong"),
        ])
        for photo in outcome.photos {
            table.add([
                photo.photo, Figure.grouped(photo.users), Figure.grouped(photo.truth), Figure.grouped(photo.redis),
                Figure.grouped(photo.redisCount), Format.grouped(photo.record), Format.grouped(photo.recordCount),
                Figure.grouped(photo.redisDifferences + (photo.recordDifferences ?? 0)),
            ])
        }
        return table
    }

    static func requests(_ outcome: LikesReport.Outcome) -> TextTable {
        var table = TextTable([.init("likes", .left), .init("number")])
        guard let swarm = outcome.swarm else { return table }
        let (requests, viewers) = (swarm.requests, swarm.viewers)
        let rows: [(String, String)] = [
            ("users who came", Figure.grouped(requests.offered)),
            ("sent away by the generator", Figure.grouped(requests.dropped)),
            ("requests", Figure.grouped(requests.sent)), ("acknowledged", Figure.grouped(requests.acknowledged)),
            ("a second", Figure.grouped(Int(requests.acknowledgedPerSecond))),
            ("of them taken back", Figure.grouped(requests.unlikes)),
            ("of them said twice at once", Figure.grouped(requests.duplicates)),
            ("refused, and asked again", Figure.grouped(requests.refused)),
            ("without an answer, and asked again", Figure.grouped(requests.unanswered)),
            ("latency p50, ms", Format.milliseconds(swarm.latencyMilliseconds.p50)),
            ("latency p99, ms", Format.milliseconds(swarm.latencyMilliseconds.p99)),
            ("latency max, ms", Format.milliseconds(swarm.latencyMilliseconds.max)),
            ("until PostgreSQL had everything, s", Format.decimal(outcome.drainSeconds, 1)),
            ("viewers", Figure.grouped(viewers.connected)),
            ("updates that they got", Figure.grouped(viewers.updates)),
            ("updates a second, the most that one got of a photo", Figure.decimal(viewers.updatesPerSecondMost, 2)),
            ("updates within one second, the most", Figure.grouped(viewers.updatesInSecondMost)),
            ("last counts that are wrong", Figure.grouped(viewers.wrong)),
            (
                "generator's loops, busy",
                "\(Figure.percent(swarm.process.senderBusyShare, 0)), \(Figure.percent(swarm.process.viewersBusyShare, 0))"
                    + (swarm.generatorLimited ? ": it was the limit" : "")
            ),
        ]
        for (name, value) in rows { table.add([name, value]) }
        return table
    }

    static func timeline(_ report: LikesReport) -> TextTable {
        var table = TextTable([.init("s"), .init("event", .left)])
        var entries = report.marks.map { ($0.seconds, "\($0.kind.rawValue): \($0.text)") }
        if let end = report.faultEnd, let resumed = report.resumedAfterSeconds {
            entries.append((end + resumed, "a like is acknowledged"))
        }
        for (seconds, text) in entries.sorted(by: { $0.0 < $1.0 }) { table.add([Figure.decimal(seconds, 2), text]) }
        return table
    }

    static func costs(_ report: LikesReport) -> TextTable {
        var table = TextTable([
            .init("process", .left), .init("CPU s"), .init("memory, peak"), .init("starts"),
        ])
        for process in report.processes {
            table.add([
                process.name, Figure.decimal(process.usage.cpuSeconds, 2),
                Format.bytes(process.usage.memoryPeakBytes), "\(process.starts)",
            ])
        }
        if let redis = report.redis {
            table.add(["Redis's own count, before", "", Format.bytes(redis.memoryBefore), ""])
            table.add(["Redis's own count, drained", "", Format.bytes(redis.memoryAfter), ""])
        }
        if let bytes = report.bytesPerLike { table.add(["Redis, bytes a like", "", Figure.decimal(bytes, 1), ""]) }
        return table
    }

    /// Of several drills, one line each.
    static func suite(_ reports: [LikesReport]) -> TextTable {
        var table = TextTable([
            .init("drill", .left), .init("acknowledged"), .init("refused"), .init("unanswered"), .init("users wrong"),
            .init("wrong at viewers"), .init("likes again after, s"), .init("drained after, s"),
            .init("verdict", .left),
        ])
        for report in reports { table.add(row(report)) }
        return table
    }

    static func row(_ report: LikesReport) -> [String] {
        let swarm = report.outcome.swarm
        let wrong = report.outcome.photos.reduce(0) { $0 + $1.redisDifferences + ($1.recordDifferences ?? 0) }
        return [
            report.drill?.rawValue ?? "likes", Format.grouped(swarm?.requests.acknowledged),
            Format.grouped(swarm?.requests.refused), Format.grouped(swarm?.requests.unanswered), Figure.grouped(wrong),
            Format.grouped(swarm?.viewers.wrong), Format.decimal(report.resumedAfterSeconds, 1),
            Format.decimal(report.outcome.drainSeconds, 1), report.verdict.status == .fine ? "kept" : "BROKEN",
        ]
    }
}
