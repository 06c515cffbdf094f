import Audience
import Placement

extension ScaleReport {
    var sections: [Page.Table] {
        let all = [
            Page.Table(title: "Subscriptions", table: subscriptions),
            Page.Table(title: "Comments at a rate", table: paced),
            Page.Table(title: "As many comments as Redis takes", table: bursts),
            Page.Table(title: "Readers", table: perReader),
        ]
        return all.filter { !$0.table.rows.isEmpty }
    }

    /// One column a case.
    private func columns(_ first: String, _ rows: [(String, (ScaleCase) -> String?)]) -> TextTable {
        var table = TextTable([.init(first, .left)] + cases.map { TextTable.Column($0.name) })
        for (title, value) in rows where !cases.isEmpty { table.add([title] + cases.map { value($0) ?? "-" }) }
        return table
    }

    private var subscriptions: TextTable {
        columns(
            "subscriptions",
            [
                ("subscriptions, Redis's own count", { Figure.grouped($0.subscribing.subscriptions) }),
                ("subscriptions, placed by the model", { Figure.grouped(Int($0.model.subscriptions)) }),
                ("subscriptions, formula", { $0.formula.map { Figure.grouped(Int($0.subscriptions.rounded())) } }),
                ("share of the channels on a Reader", { Format.percent($0.spread) }),
                ("share, formula", { $0.formula.map { Format.percent($0.spread) } }),
                ("Redis deliveries for one publish, channels alike", { Figure.decimal($0.amplification, 4) }),
                ("Redis deliveries for one comment", { Figure.decimal($0.weightedAmplification, 2) }),
                ("the same, model", { Figure.decimal($0.model.weightedAmplification, 2) }),
                ("wasted share of the subscriptions", { Format.percent($0.wastedShare) }),
                ("viewers of the fullest Reader, times the mean", { Figure.decimal($0.viewersMaxOverMean, 3) }),
                ("seconds to subscribe", { Figure.decimal($0.subscribing.seconds, 1) }),
                ("subscriptions a second", { Figure.grouped(Int($0.subscriptionsPerSecond)) }),
                ("Redis memory for them", { Format.bytes($0.subscribing.redisMemoryBytes) }),
                ("Redis bytes a subscription", { Figure.decimal($0.bytesPerSubscription, 0) }),
                ("memory of all processes, peaks added up", { Format.bytes($0.memoryBytes) }),
                ("seconds in all", { Figure.decimal($0.seconds, 1) }),
            ])
    }

    private var paced: TextTable {
        columns(
            "\(Format.plain(settings.rate)) comments/s for \(Format.plain(settings.durationSeconds)) s",
            [
                ("comments", { Format.grouped($0.paced?.publishes) }),
                ("Redis deliveries, as it answered", { Format.grouped($0.paced?.redisDeliveries) }),
                ("deliveries to viewers", { Figure.grouped($0.deliveries) }),
                ("deliveries that the model demands", { Figure.grouped($0.deliveriesExpected) }),
                ("deliveries of the busiest Reader, times the mean", { Figure.decimal($0.deliveriesMaxOverMean, 2) }),
                (
                    "Readers' CPU, ns a delivery",
                    { result in
                        result.paced.map {
                            Figure.decimal($0.readersCPUSeconds * 1e9 / Double(max(result.deliveries, 1)), 0)
                        }
                    }
                ),
                ("Redis's CPU seconds", { Format.decimal($0.paced?.redisCPUSeconds, 2) }),
                ("latest comment behind its schedule, ms", { Format.milliseconds($0.paced?.lateMillisecondsMax) }),
                ("last comment to last delivery, s", { Format.decimal($0.paced?.settleSeconds, 2) }),
            ])
    }

    private var bursts: TextTable {
        columns(
            "plain PUBLISH of \(ScaleFrames.bytesWanted)-byte frames, pipelined",
            [
                ("comments a second", { Format.grouped($0.burst.map { Int($0.perSecond) }) }),
                ("times the first placement", { Format.decimal(self.gain($0), 2) }),
                ("comments a second of Redis's CPU", { Format.grouped($0.burst.map { Int($0.perCPUSecond) }) }),
                ("times the first placement", { Format.decimal(self.gainPerCPU($0), 2) }),
                ("Redis's CPU, µs a comment", { Format.decimal($0.burst?.microsecondsPerPublish, 2) }),
                ("Redis deliveries a second", { Format.grouped($0.burst.map { Int($0.deliveriesPerSecond) }) }),
                ("Redis deliveries, as it answered", { Format.grouped($0.burst?.redisDeliveries) }),
                ("Redis deliveries that the model demands", { Format.grouped($0.burst?.redisDeliveriesExpected) }),
                ("bytes to subscribers", { $0.burst.map { Format.bytes($0.bytes) } }),
                ("bytes missing", { Format.grouped($0.burst.map { $0.bytesExpected - $0.bytes }) }),
                ("the limit was", { $0.burst.map { $0.limit.prefix { $0 != ":" }.description } }),
                ("Redis on a core, part of the time", { Format.percent($0.burst?.redisShare) }),
                ("publisher's and subscribers' CPU seconds", { Format.decimal($0.burst?.generatorCPUSeconds, 1) }),
            ])
    }

    /// One line a Reader of a case.
    private var perReader: TextTable {
        var table = TextTable([
            .init("placement", .left), .init("Reader", .left), .init("subscriptions"), .init("viewers"),
            .init("messages"), .init("deliveries"), .init("CPU s"), .init("memory"),
        ])
        for result in cases {
            for reader in result.perReader {
                table.add([
                    result.placement.rawValue, reader.name, Figure.grouped(reader.subscriptions),
                    Figure.grouped(reader.viewers), Figure.grouped(reader.messages), Figure.grouped(reader.deliveries),
                    Figure.decimal(reader.cpuSeconds, 2), Format.bytes(reader.memoryPeakBytes),
                ])
            }
        }
        return table
    }

    var conditions: Page.Table {
        var table = TextTable([.init("condition", .left), .init("value", .left)])
        table.add(["command", command])
        table.add(["audience", "\(settings.audience), seed \(settings.seed)"])
        table.add(["Readers", "a process each: the Reader's hub, one subscriber connection, viewers without sockets"])
        table.add([
            "as many as Redis takes",
            "\(BurstPublisher.connections) connections, \(BurstPublisher.window) commands in flight on each; subscribers that"
                + " throw away what they read, one connection a Reader",
        ])
        for result in cases { table.add(["limit, \(result.name)", result.burst?.limit ?? "-"]) }
        table.add(["commit, build", "\(software.commit ?? "unknown"), \(software.build)"])
        table.add(["machine", machine.text])
        table.add(["time", "\(startedAt) to \(finishedAt)"])
        return Page.Table(title: "Conditions", table: table)
    }
}

extension Machine {
    var text: String {
        "\(processor), \(cores) cores, \(Format.bytes(memoryBytes)), \(kernel), \(descriptorsMax) descriptors"
    }
}
