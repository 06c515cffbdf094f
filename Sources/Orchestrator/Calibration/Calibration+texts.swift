import Audience

extension Calibration: Report {
    /// Name, unit and value of every cost, Readers first.
    var costs: [(name: String, unit: String, value: Double)] {
        [
            ("Reader process without viewers", "bytes", reader.processBytes),
            ("Reader, a connection", "bytes", reader.connectionBytes),
            ("kernel, one end of a connection", "bytes", reader.connectionKernelBytes),
            ("Reader, a subscribed channel", "bytes", reader.subscriptionBytes),
            ("Reader, a connect", "µs of CPU", reader.connectCPUMicroseconds),
            ("Reader, an event to a viewer", "µs of CPU", reader.deliveryCPUMicroseconds),
            ("Reader, a message from Redis", "µs of CPU", reader.messageCPUMicroseconds),
            ("an event on a viewer's stream", "bytes", reader.deliveryBytes),
            ("descriptors of a connection", "", reader.descriptorsPerConnection),
            ("latency, p99", "ms", reader.p99Milliseconds),
            ("Reader's load then, of one core", "%", reader.p99Load * 100),
            ("Redis process", "bytes", redis.processBytes),
            ("Redis, a channel with a subscriber", "bytes", redis.channelBytes),
            ("Redis, a subscription", "bytes", redis.subscriptionBytes),
            ("Redis, a comment in the history", "bytes", redis.historyBytes),
            ("Redis, a publish with history", "µs of CPU", redis.publishCPUMicroseconds),
            ("Redis, a delivery to a Reader", "µs of CPU", redis.deliveryCPUMicroseconds),
            ("Redis to a Reader, a comment", "bytes", redis.deliveryBytes),
        ]
    }

    private var table: TextTable {
        var table = TextTable([.init("cost", .left), .init("value"), .init("unit", .left)])
        for cost in costs {
            table.add([cost.name, Figure.decimal(cost.value, cost.value < 100 ? 2 : 0), cost.unit])
        }
        return table
    }

    private var conditions: TextTable {
        var table = TextTable([.init("condition", .left), .init("value", .left)])
        table.add(["command", command])
        table.add(["commit, build", "\(software.commit ?? "unknown"), \(software.build)"])
        table.add(["machine", machine.text])
        table.add(["time", "\(startedAt) to \(finishedAt)"])
        return table
    }

    var conclusion: String {
        "On this machine a Reader spends \(Figure.decimal(reader.deliveryCPUMicroseconds, 1)) µs on an event to a viewer, and"
            + " Redis \(Figure.decimal(redis.publishCPUMicroseconds, 1)) µs on a comment and"
            + " \(Figure.decimal(redis.deliveryCPUMicroseconds, 2)) µs on each Reader that gets it. A viewer costs"
            + " \(Format.bytes(Int(reader.connectionBytes))) in the Reader and"
            + " \(Format.bytes(Int(reader.connectionKernelBytes))) in the kernel."
            + (software.build == "debug" ? " This is a debug build: a release build costs a fraction." : "")
    }

    func summary() -> String { "\n" + table.plain() + "\n\(conclusion)\n" }

    func markdown() -> String {
        "# Calibration\n\n\(conclusion)\n\n\(table.markdown())\n## Conditions\n\n\(conditions.markdown())"
    }

    func csv() -> String {
        var file = CSV(["cost", "unit", "value"])
        for cost in costs { file.add([cost.name, cost.unit, "\(cost.value)"]) }
        return file.text
    }

    func page() -> Page {
        var page = Page(title: "Calibration", conclusion: conclusion)
        let times = costs.filter { $0.unit == "µs of CPU" && $0.value < 100 }
        page.charts = [
            .bars(
                "Processor time", yTitle: "µs", labels: times.map(\.name), [(name: "µs", values: times.map(\.value))]),
            .bars(
                "Memory of a viewer and of a subscription", yTitle: "bytes",
                labels: ["viewer: Reader", "viewer: kernel", "subscription: Reader", "subscription: Redis"],
                [
                    (
                        name: "bytes",
                        values: [
                            reader.connectionBytes, reader.connectionKernelBytes, reader.subscriptionBytes,
                            redis.subscriptionBytes,
                        ]
                    )
                ]),
        ]
        page.tables = [
            Page.Table(title: "Costs", table: table), Page.Table(title: "Conditions", table: conditions),
        ]
        page.footer = command
        return page
    }
}
