import Audience
import Placement
import Primitives
import Report
import Testbed

/// What bursts on clusters of several sizes found out.
struct ClusterScaleResult: Experiment {
    var settings: ScaleSettings
    var audience: Audience
    /// What the report begins with.
    var base: Report
    /// In the order in which they ran; only those that came to their end.
    var cases: [ClusterCase] = []
    /// Of each placement, for one comment a second.
    var loads: [(readers: Int, placement: PlacementStrategy, load: SlotLoad)] = []
    var processes: [ProcessCosts] = []
}

/// As many comments as one cluster takes, under one placement.
struct ClusterCase: Sendable {
    var placement: PlacementStrategy
    var readers: Int
    var publishing: Publishing
    var burst: ScaleCase.Burst
    /// Part of the comments that the node with the most has, by the slots of the channels.
    var busiestShare: Double

    /// A node may use so much more or less than the model says.
    static let offMax = 0.15

    var nodes: Int { burst.nodes.count }
    /// What cases have in common that differ by their nodes only.
    var series: String {
        "\(placement.rawValue), \(readers) Reader\(readers == 1 ? "" : "s"), \(publishing.rawValue)"
    }
    var name: String { "\(series), \(nodes) node\(nodes == 1 ? "" : "s")" }
    private var busiest: ScaleCase.Burst.Node? { burst.nodes.max { $0.cpuSeconds < $1.cpuSeconds } }
    /// Comments for a second of the busiest node's processor time: what the cluster takes before that node is full.
    var perCoreSecond: Double { busiest.map { Double(burst.publishes) / max($0.cpuSeconds, 1e-9) } ?? 0 }
    var busiestMicroseconds: Double { perCoreSecond > 0 ? 1e6 / perCoreSecond : 0 }
    var deliveriesEach: Double { Double(burst.redisDeliveriesExpected) / Double(max(burst.publishes, 1)) }

    /// Messages over the cluster's bus that a node sends and gets.
    func hops(_ node: ScaleCase.Burst.Node) -> Double {
        guard publishing == .classic else { return 0 }
        return Double(node.publishes * (nodes - 1) + burst.publishes - node.publishes)
    }
}

/// µs of a node's processor time.
struct ClusterCosts: Equatable, Sendable {
    /// Of a comment that is published at it.
    var publish = 0.0
    /// Of a message to a subscriber.
    var delivery = 0.0
    /// Of a message to or from another node; `nil`: nothing to learn it from.
    var hop: Double?

    /// The first two from clusters of one node, which is all that the figures of larger ones are held against; the
    /// third from what classic publishing costs those on top. `nil` without a cluster of one node.
    init?(_ cases: [ClusterCase]) {
        // Each error counts as a part of what was measured.
        let ones = cases.filter { $0.nodes == 1 && $0.burst.redisCPUSeconds > 0 }.map { one in
            let cpu = one.burst.redisCPUSeconds * 1e6
            return (x: Double(one.burst.publishes) / cpu, y: Double(one.burst.redisDeliveriesExpected) / cpu)
        }
        guard !ones.isEmpty else { return nil }
        let xx = ones.reduce(0) { $0 + $1.x * $1.x }, xy = ones.reduce(0) { $0 + $1.x * $1.y }
        let yy = ones.reduce(0) { $0 + $1.y * $1.y }
        let (x, y) = (ones.reduce(0) { $0 + $1.x }, ones.reduce(0) { $0 + $1.y })
        if let both = Costs.solve((xx, xy, x), (xy, yy, y)) {
            (publish, delivery) = both
        } else {
            publish = Costs.slope(ones.map { ($0.x, 1) })
        }
        let others = cases.filter { $0.publishing == .classic && $0.nodes > 1 }
        guard !others.isEmpty else { return }
        let own = self
        hop = max(
            0,
            Costs.slope(
                others.flatMap { one in
                    one.burst.nodes.map { node in
                        let cpu = max(node.cpuSeconds * 1e6, 1)
                        return (one.hops(node) / cpu, 1 - own.microseconds(node, hops: 0) / cpu)
                    }
                }))
    }

    func microseconds(_ node: ScaleCase.Burst.Node, hops: Double) -> Double {
        Double(node.publishes) * publish + Double(node.messages) * delivery + hops * (hop ?? 0)
    }

    func microseconds(_ load: SlotLoad.Load) -> Double { load.publishes * publish + load.deliveries * delivery }

    /// By how much of the model a node is off: +0.1 when it used a tenth more.
    func off(_ one: ClusterCase, _ node: ScaleCase.Burst.Node) -> Double {
        let model = microseconds(node, hops: one.hops(node))
        return model > 0 ? node.cpuSeconds * 1e6 / model - 1 : 0
    }

    /// The same of the node that is furthest from the model.
    func offMost(_ one: ClusterCase) -> Double {
        one.burst.nodes.map { off(one, $0) }.max { abs($0) < abs($1) } ?? 0
    }
}

extension ClusterScaleResult {
    /// Of a core, as in a plan.
    static let fill = 0.7
    private static let rates = [10_000.0, 20_000, 50_000, 100_000, 200_000]

    func run(_ part: Int, in testbed: Testbed, _ gathered: Locked<Self>, _ runner: ExperimentRunner) async throws {
        let slots = SlotLoad.slots(of: audience)
        for (readers, placement) in settings.cases {
            let layout = ScaleLayout(audience, placement: placement, readers: readers)
            let load = SlotLoad(audience, layout.assignment, slots: slots, rate: 1)
            gathered.update { $0.loads.append((readers, placement, load)) }
            for (publishing, nodes) in settings.clusters {
                let burst = try await burst(layout, publishing, nodes, in: testbed)
                let one = ClusterCase(
                    placement: placement, readers: readers, publishing: publishing, burst: burst,
                    busiestShare: load.nodes(nodes).map(\.publishes).max() ?? 0)
                gathered.update { $0.cases.append(one) }
                runner.progress.step(
                    "  \(one.name): \(Format.grouped(Int(one.perCoreSecond))) comments for a core-second"
                        + " of the busiest node, \(Format.decimal(one.busiestMicroseconds, 2)) µs each")
            }
        }
    }

    private func burst(
        _ layout: ScaleLayout, _ publishing: Publishing, _ nodes: Int, in testbed: Testbed
    ) async throws -> ScaleCase.Burst {
        let limit = ["--client-output-buffer-limit", "pubsub 1gb 1gb 60"]
        let cluster = try await testbed.startRedisCluster(
            masters: nodes, nodeTimeout: .seconds(60), options: RedisOptions(arguments: limit),
            name: "\(publishing.rawValue)-\(nodes)-\(layout.placement.rawValue)-\(layout.readers.count)")
        var servers = BurstServers(ports: cluster.masters.map(\.port), publishing: publishing)
        if !settings.bare { try await servers.load() }
        let burst = try await RedisBurst(layout: layout, servers: servers, seconds: settings.burst).run()
        await testbed.supervisor.stop(cluster.nodes.compactMap(\.child))
        return burst
    }

    // MARK: The report

    /// A case, and what is known of all of them.
    private struct Row: Sendable {
        var one: ClusterCase
        var costs: ClusterCosts?
        var gain: Double?
    }

    private static let metrics = MetricList<Row> { list in
        list.group("Clusters")
        list.add("comments for a core-second of the busiest node", .none, .higherIsBetter, minimumDelta: 1_000) {
            $0.one.perCoreSecond.rounded()
        }
        list.add("times that of one node") { $0.gain }
        list.add("busiest node's CPU a comment", .microseconds, .lowerIsBetter, minimumDelta: 0.2) {
            $0.one.busiestMicroseconds
        }
        list.add("comments of the busiest node, by slots", .percent) { $0.one.busiestShare * 100 }
        list.add("Redis deliveries a comment") { $0.one.deliveriesEach }
        list.add("node furthest from the model", .percent) { row in row.costs.map { $0.offMost(row.one) * 100 } }
        list.add("comments a second", .perSecond) { $0.one.burst.perSecond }
        list.count("bytes missing") { $0.one.burst.bytesExpected - $0.one.burst.bytes }
    }

    private static let nodeMetrics = MetricList<(node: ScaleCase.Burst.Node, off: Double?)> { list in
        list.group("Nodes")
        list.count("publishes") { $0.node.publishes }
        list.count("messages to subscribers") { $0.node.messages }
        list.add("CPU", .seconds) { $0.node.cpuSeconds }
        list.add("CPU against the model", .percent) { $0.off.map { $0 * 100 } }
    }

    static var definitions: [MetricDefinition] { metrics.definitions + nodeMetrics.definitions }

    func report(_ failure: Failure?) -> Report {
        var report = base
        let costs = ClusterCosts(cases)
        report.summary = summary(costs)
        report.verdict.checks = [.completed(failure)] + cases.map { check($0, costs) }
        report.metrics = cases.flatMap { one in
            Self.metrics.metrics(of: Row(one: one, costs: costs, gain: gain(one)), scope: one.name)
        }
        for one in cases where one.nodes > 1 {
            report.metrics += one.burst.nodes.enumerated().flatMap { index, node in
                Self.nodeMetrics.metrics(
                    of: (node, costs?.off(one, node)), scope: "\(one.name), redis-\(index)")
            }
        }
        report.details = ["Nodes"]
        report.tables = costs.map { [nodesNeeded($0)] } ?? []
        report.charts = [
            Chart(
                "Comments for a core-second of the busiest node", x: "nodes", y: "comments",
                series.map { name, cases in
                    Chart.Series(
                        name, cases.map { Chart.Point(x: Double($0.nodes), y: $0.perCoreSecond) }, style: .markedLine)
                })
        ]
        report.notes = [
            "publishes: \(settings.bare ? "plain, without history" : "the service's own script"); \(BurstPublisher.connections)"
                + " connections to each node, \(BurstPublisher.window) commands on each in the mean",
            "subscribers: for each Reader a connection to each node (sharded) or to one of them (classic); they throw away"
                + " what they read",
        ]
        if let costs {
            report.notes.append(
                "model: \(Format.decimal(costs.publish, 2)) µs a comment, \(Format.decimal(costs.delivery, 3)) µs a message to"
                    + " a subscriber (from clusters of one node)"
                    + (costs.hop.map { ", \(Format.decimal($0, 2)) µs a message over the bus, at each end" } ?? ""))
        }
        return report
    }

    private var series: [(String, [ClusterCase])] {
        cases.map(\.series).unique().map { name in (name, cases.filter { $0.series == name }) }
    }

    /// Against one node with the same publishing, placement and Readers.
    func gain(_ one: ClusterCase) -> Double? {
        let base = cases.first { $0.nodes == 1 && $0.series == one.series }
        return base.flatMap { $0.perCoreSecond > 0 ? one.perCoreSecond / $0.perCoreSecond : nil }
    }

    private func check(_ one: ClusterCase, _ costs: ClusterCosts?) -> Check {
        var problems: [String] = []
        let burst = one.burst
        if burst.bytes != burst.bytesExpected {
            problems.append(
                "\(one.name): \(Format.grouped(burst.bytes)) bytes to subscribers, and"
                    + " \(Format.grouped(burst.bytesExpected)) were to be expected")
        }
        if burst.cut > 0 { problems.append("\(one.name): \(burst.cut) subscribers cut by Redis") }
        if let off = costs?.offMost(one), abs(off) > ClusterCase.offMax {
            problems.append("\(one.name): a node's CPU is \(Format.percent(off)) off the model")
        }
        return Check(one.name, problems: problems, else: "every byte arrived, and every node's CPU is as modelled")
    }

    /// Masters for so many comments a second, with sharded publishing; what one channel allows at most.
    func nodesNeeded(_ costs: ClusterCosts) -> Table {
        var table = Table(
            "Redis nodes for so many comments a second, sharded, \(Format.percent(Self.fill)) of a core each",
            [.init("placement", .left), .init("Readers"), .init("deliveries a comment")]
                + Self.rates.map { .init(Format.grouped(Int($0))) } + [.init("most, by the hottest channel")])
        for (readers, placement, load) in loads {
            let most = Self.fill * 1e6 / max(costs.microseconds(load.hottest), 1e-9)
            let needed = Self.rates.map { rate -> String in
                guard rate <= most else { return "none" }
                let count = (1...PlanLimits.nodesMax).first { nodes in
                    load.nodes(nodes).allSatisfy { costs.microseconds($0) * rate <= Self.fill * 1e6 }
                }
                return count.map { "\($0)" } ?? "none"
            }
            table.add(
                [placement.rawValue, "\(readers)", Format.decimal(load.total.deliveries, 2)] + needed
                    + [Format.grouped(Int(most))])
        }
        return table
    }

    private func summary(_ costs: ClusterCosts?) -> String {
        let most = cases.filter { $0.publishing == .sharded && $0.nodes > 1 }.max { $0.nodes < $1.nodes }
        guard let most, let gain = gain(most) else { return "" }
        return
            "With \(most.nodes) masters and sharded channels Redis takes \(Format.decimal(gain, 1)) times the comments of one"
            + " before its busiest node is full, which has \(Format.percent(most.busiestShare)) of the comments by its slots."
    }
}
