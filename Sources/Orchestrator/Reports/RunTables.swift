import Audience

/// The tables of a run, for terminals and for Markdown.
struct RunTables {
    let report: RunReport

    /// One line a Reader.
    var readers: TextTable {
        var table = TextTable([
            .init("Reader", .left), .init("channels"), .init("share"), .init("predicted"), .init("viewers"),
            .init("sent"),
            .init("CPU s"), .init("memory"),
        ])
        for reader in report.readers {
            table.add([
                reader.name, Figure.grouped(reader.channels), Format.percent(reader.share),
                Format.percent(reader.predictedShare),
                Figure.grouped(reader.viewers), Figure.grouped(reader.messagesSent),
                Figure.decimal(reader.usage.cpuSeconds, 2),
                Format.bytes(reader.usage.memoryPeakBytes),
            ])
        }
        return table
    }

    /// Measured and predicted, side by side; empty without a measurement.
    var spread: TextTable {
        var table = TextTable([.init("subscriptions", .left), .init("measured"), .init("predicted")])
        guard let spread = report.spread else { return table }
        let predicted = spread.predicted
        table.add([
            "share of the channels on a Reader, mean", Format.percent(spread.meanShare),
            Format.percent(predicted?.share),
        ])
        table.add([
            "share, lowest and highest", "\(Format.percent(spread.minShare)) - \(Format.percent(spread.maxShare))",
        ])
        table.add([
            "amplification: Redis deliveries for one publish", Figure.decimal(spread.amplification, 2),
            Format.decimal(predicted?.amplification, 2),
        ])
        table.add([
            "amplification, weighted by what was published", Format.decimal(spread.weightedAmplification, 2),
            Format.decimal(predicted?.weightedAmplification, 2),
        ])
        table.add([
            "wasted share of the subscriptions", Format.percent(spread.wastedShare),
            Format.percent(predicted?.wastedShare),
        ])
        table.add(["subscriptions, as the Readers report", Figure.grouped(spread.subscriptions)])
        table.add(["subscriptions, Redis's own count", Format.grouped(spread.redisSubscriptions)])
        return table
    }

    /// What the audit of the swarms found; empty without one.
    var delivery: TextTable {
        var table = TextTable([.init("comments", .left), .init("number")])
        guard let swarm = report.swarm else { return table }
        let publishing = swarm.publishing
        table.add(["due", Figure.grouped(publishing.offered)])
        table.add(["acknowledged", Figure.grouped(publishing.acknowledged)])
        table.add(["refused or failed", Figure.grouped(publishing.failed)])
        table.add(["dropped: due, and could not start", Figure.grouped(publishing.dropped)])
        let counts = swarm.delivery
        table.add(["deliveries expected", Figure.grouped(counts.expected)])
        table.add(["delivered", Figure.grouped(counts.delivered)])
        table.add(["lost", Figure.grouped(counts.lost)])
        table.add(["repeated", Figure.grouped(counts.repeated)])
        table.add(["out of order", Figure.grouped(counts.reordered)])
        table.add(["told to be missing", Figure.grouped(counts.toldMissing)])
        return table
    }

    /// From publish to receive.
    var latency: TextTable {
        var table = TextTable([
            .init("latency, ms", .left), .init("p50"), .init("p90"), .init("p99"), .init("p99.9"), .init("max"),
        ])
        guard let latency = report.swarm?.latencyMilliseconds, latency.max != nil else { return table }
        let values = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max]
        table.add(["publish to receive"] + values.map(Format.milliseconds))
        return table
    }

    /// One line a watching person.
    var people: TextTable {
        var table = TextTable([
            .init("client", .left), .init("user", .left), .init("video", .left), .init("wrote"), .init("received"),
            .init("the last comment on the video", .left),
        ])
        for person in report.people {
            let verdict = person.missed.isEmpty && person.foreign.isEmpty ? "received, no other" : person.complaint
            table.add([
                person.name, person.user, person.video, Figure.grouped(person.generated),
                Figure.grouped(person.consumed), verdict,
            ])
        }
        return table
    }

    /// What was liked, and whether it is so; empty without likes.
    var photos: TextTable { report.likes.map(LikesTables.photos) ?? TextTable([]) }
    var likes: TextTable { report.likes.map(LikesTables.requests) ?? TextTable([]) }

    var processes: TextTable {
        var table = TextTable([
            .init("process", .left), .init("CPU user s"), .init("CPU system s"), .init("memory, peak"), .init("starts"),
        ])
        for process in report.processes {
            table.add([
                process.name, Figure.decimal(process.usage.cpuUserSeconds, 2),
                Figure.decimal(process.usage.cpuSystemSeconds, 2),
                Format.bytes(process.usage.memoryPeakBytes), "\(process.starts)",
            ])
        }
        return table
    }

    var redis: TextTable {
        var table = TextTable([.init("Redis", .left), .init("value")])
        guard let redis = report.redis else { return table }
        table.add(["version", redis.version])
        table.add(["memory in use", Format.bytes(redis.usedMemoryBytes)])
        table.add(["commands while publishing", Figure.grouped(redis.commandsWhilePublishing)])
        table.add(["CPU seconds while publishing", Figure.decimal(redis.cpuSecondsWhilePublishing, 2)])
        table.add(["subscribers cut for lagging", Figure.grouped(redis.subscribersCut)])
        return table
    }

    /// All that another run needs to be the same, and what this one ran on.
    var conditions: TextTable {
        var table = TextTable([.init("condition", .left), .init("value", .left)])
        table.add(["command", report.command])
        table.add(["audience", "\(report.settings.audience), seed \(report.settings.seed)"])
        table.add([
            "processes",
            "\(report.plan.readers) Readers, \(report.plan.commentAPIs) CommentAPI, \(report.plan.swarms) swarms",
        ])
        let connected =
            "\(Figure.grouped(report.connections.connected)) of \(Figure.grouped(report.connections.wanted))"
        table.add(["viewers connected", "\(connected) in \(Figure.decimal(report.connections.seconds, 2)) s"])
        table.add([
            "parts", report.phases.map { "\($0.name) \(Figure.decimal($0.seconds, 1)) s" }.joined(separator: ", "),
        ])
        table.add(["commit, build", "\(report.software.commit ?? "unknown"), \(report.software.build)"])
        let size = "\(report.machine.cores) cores, \(Format.bytes(report.machine.memoryBytes))"
        table.add([
            "machine",
            "\(report.machine.processor), \(size), \(report.machine.kernel), \(report.machine.descriptorsMax) descriptors",
        ])
        table.add(["time", "\(report.startedAt) to \(report.finishedAt)"])
        return table
    }
}
