import Audience
import Foundation
import Placement
import Primitives
import Report
import Testbed

/// A load on real services: one CommentAPI, so many Readers with a loop each, viewers with sockets.
struct ProbeLoad: Equatable, Sendable, AudienceSettings {
    var streams = 1
    var viewers: Int
    /// Comments a second over all streams.
    var rate: Double
    var audience = AudienceSpec.uniform
    var readers = 1
    var placement = PlacementStrategy.random
    var seed: UInt64 = 1
    var seconds = 4.0

    /// Of publishing before latencies count: buffers of sockets grow in it.
    static let warmupSeconds = 1.0

    var name: String {
        "\(Format.grouped(viewers)) viewers, \(Format.grouped(streams)) channel\(streams == 1 ? "" : "s"),"
            + " \(Format.plain(rate)) comments/s" + (readers > 1 ? ", \(readers) Readers, \(placement.rawValue)" : "")
    }
}

/// What a load came to.
struct ProbeResult: Sendable {
    /// A Reader at one moment.
    struct Snapshot: Sendable {
        var memoryBytes = 0
        var cpuSeconds = 0.0
        var descriptors = 0
        /// Of the whole machine: sockets, and what belongs to them.
        var kernelBytes = 0
        /// Of its own counting.
        var writes = 0.0
        var events = 0.0
        var messages = 0.0
        var busySeconds = 0.0
        var at = ContinuousClock.now
    }

    struct Reader: Sendable {
        /// Without viewers, with all of them, a second later, and when the last comment was acknowledged.
        var empty: Snapshot
        var connected: Snapshot
        var rested: Snapshot
        var published: Snapshot

        private var seconds: Double { (published.at - rested.at).seconds }
        private func perSecond(_ value: (Snapshot) -> Double) -> Double {
            (value(published) - value(rested)) / max(seconds, 1e-9)
        }
        var cores: Double { perSecond(\.cpuSeconds) }
        var writesPerSecond: Double { perSecond(\.writes) }
        var deliveriesPerSecond: Double { perSecond(\.events) }
        var messagesPerSecond: Double { perSecond(\.messages) }
        var busy: Double { perSecond(\.busySeconds) }
        /// Of its connections that nobody writes to, in cores.
        var idle: Double {
            (rested.cpuSeconds - connected.cpuSeconds) / max((rested.at - connected.at).seconds, 1e-9)
        }
    }

    var load: ProbeLoad
    var readers: [Reader]
    /// In cores.
    var commentAPI: Double
    var redis: Double
    var generators: Double
    /// Of the whole machine, in cores, whoever used them.
    var machine = 0.0
    var report: SwarmReport

    /// Seconds; `nil` without a delivery.
    var p99: Double? { report.latencyMilliseconds.p99.map { $0 / 1000 } }
    var cores: Double { readers.reduce(0) { $0 + $1.cores } }
    /// Part of all cores of the machine that was in use.
    var machineLoad: Double { machine / Double(ProcessInfo.processInfo.activeProcessorCount) }
    /// Cores that others used meanwhile: programs that are no part of the measurement, and the kernel's own threads.
    var others: Double { machine - cores - commentAPI - redis - generators }
    /// More than this is no noise.
    static let othersMax = 0.2

    /// Why it says nothing about the service; `nil` when it does.
    var problem: String? {
        if report.generatorLimited { return "the simulated viewers were the bottleneck" }
        if others > ProbeResult.othersMax {
            return "other programs used \(Format.decimal(others, 2)) cores meanwhile"
        }
        if report.publishing.dropped > 0 { return "\(report.publishing.dropped) comments were not sent" }
        if report.publishing.failed > 0 { return "\(report.publishing.failed) comments failed" }
        if !report.delivery.isClean { return "not every delivery came as it should" }
        return p99 == nil ? "nothing was delivered" : nil
    }

    /// For the fit of a Reader's costs; `nil` for more than one Reader, and for what says nothing.
    var measurement: FanoutMeasurement? {
        guard readers.count == 1, problem == nil, let p99, let reader = readers.first else { return nil }
        return FanoutMeasurement(
            viewers: load.viewers, channels: load.streams, rate: reader.messagesPerSecond, cores: reader.cores,
            writesPerSecond: reader.writesPerSecond, deliveriesPerSecond: reader.deliveriesPerSecond, p99: p99,
            machineLoad: machineLoad, busy: reader.busy, idle: reader.idle)
    }
}

/// Puts a load on services of its own. Without a StatsAPI: reports every half second would be part of what is measured.
struct LoadProbe: Sendable {
    let load: ProbeLoad
    let capacity: Capacity

    /// On a testbed of its own, with logs in a folder of this name.
    func run(in folder: ReportFolder, _ name: String, _ binaries: Binaries) async throws -> ProbeResult {
        try await Testbed.run(Folders(report: "\(folder.path)/loads/\(name)"), binaries) { try await run(in: $0) }
    }

    func run(in testbed: Testbed) async throws -> ProbeResult {
        let services = try await Services.start(setup, in: testbed)
        // Whatever a start leaves to be done, it has done now; Readers know each other.
        try await Task.sleep(for: .seconds(load.readers > 1 ? 2.5 : 1))
        let empty = try await snapshots(services.readers)
        let viewers = try await CommentLoad.start(services, progress: .silent)
        return try await viewers.crowd.listening { try await measure(viewers, empty) }
    }

    private var setup: ExperimentSetup {
        var setup = ExperimentSetup()
        (setup.commentAPIs, setup.hasStatistics, setup.readers) = (1, false, load.readers)
        (setup.placement, setup.environment) = (load.placement, ["READER_LOOPS": "1"])
        (setup.audience, setup.streams, setup.viewers) = (load.audience, load.streams, load.viewers)
        (setup.seed, setup.rate, setup.swarms) = (load.seed, load.rate, ProcessPlan.swarms(load.viewers, capacity))
        setup.publishes(seconds: load.seconds, warmup: ProbeLoad.warmupSeconds)
        return setup
    }

    private func measure(_ viewers: CommentLoad, _ empty: [ProbeResult.Snapshot]) async throws -> ProbeResult {
        let (services, readers) = (viewers.services, viewers.services.readers)
        guard try await viewers.connect().failed == 0 else {
            throw Failure.unavailable("not every viewer could connect")
        }
        let connected = try await snapshots(readers)
        try await Task.sleep(for: .seconds(1))
        let rested = try await snapshots(readers)
        let meter = CoreMeter(services.commentAPIs, [services.redis], viewers.crowd.nodes)
        try await viewers.publish(atMost: .seconds((load.seconds + ProbeLoad.warmupSeconds) * 2 + 60)) { _ in }
        let published = try await snapshots(readers)
        let used = meter.read()
        return ProbeResult(
            load: load,
            readers: readers.indices.map {
                .init(empty: empty[$0], connected: connected[$0], rested: rested[$0], published: published[$0])
            },
            commentAPI: used.groups[0], redis: used.groups[1], generators: used.groups[2], machine: used.machine,
            report: try await viewers.settle())
    }

    private func snapshots(_ readers: [Node]) async throws -> [ProbeResult.Snapshot] {
        var all: [ProbeResult.Snapshot] = []
        for reader in readers { all.append(try await LoadProbe.snapshot(reader)) }
        return all
    }

    private static func snapshot(_ node: Node) async throws -> ProbeResult.Snapshot {
        var snapshot = ProbeResult.Snapshot()
        let metrics = PrometheusText(try await ServiceClient(node).get("/metrics"))
        snapshot.writes = metrics.sum("chorus_reader_writes")
        snapshot.events = metrics.sum("chorus_reader_events_sent")
        snapshot.messages = metrics.sum("chorus_reader_messages_received")
        snapshot.busySeconds = metrics.sum("chorus_reader_loop_busy_seconds")
        snapshot.cpuSeconds = node.cpuSeconds
        snapshot.at = .now
        guard let pid = node.child?.pid else { return snapshot }
        snapshot.memoryBytes = KernelFigures.residentBytes(pid: pid)
        snapshot.descriptors = ProcessUsage.descriptors(pid: pid)
        snapshot.kernelBytes = KernelFigures.slabBytes()
        return snapshot
    }
}

/// What a service's `/metrics` says (the text format of Prometheus).
struct PrometheusText {
    private var samples: [(name: Substring, value: Double)] = []

    init(_ data: Data) {
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
                continue
            }
            samples.append((line[..<space].prefix { $0 != "{" }, value))
        }
    }

    /// Over all labels; 0 when there is none. A counter may have `_total` behind its name.
    func sum(_ name: String) -> Double {
        samples.reduce(0) { $1.name == name || $1.name == "\(name)_total" ? $0 + $1.value : $0 }
    }
}
