import Audience
import Foundation
import Options
import Placement
import Report
import Testbed

/// What a connection, a channel, a message and a delivery cost a Reader: one Reader, a swarm of real viewers.
struct ReaderCalibration: Sendable {
    let settings: CalibrationSettings
    let folders: Folders
    let progress: Progress

    func run(in testbed: Testbed) async throws -> Calibration.Reader {
        // Few channels with many viewers each, and as many channels as viewers: the two ends of what a delivery may be.
        progress.step("Reader: \(settings.viewers) viewers on \(settings.viewers / 200) channels")
        let crowded = try await measure(
            "crowded", channels: max(1, settings.viewers / 200), rate: settings.rate, testbed)
        progress.step("Reader: \(settings.viewers) viewers on as many channels")
        let scattered = try await measure(
            "scattered", channels: settings.viewers, rate: min(2_000, settings.rate * 10), testbed)
        var costs = Calibration.Reader()
        costs.processBytes = Double(crowded.idle.memoryBytes)
        costs.connectionBytes = max(0, crowded.connectionBytes)
        costs.connectionKernelBytes = max(0, crowded.kernelBytes)
        costs.subscriptionBytes = max(0, scattered.connectionBytes - crowded.connectionBytes)
        costs.connectCPUMicroseconds = crowded.connectMicroseconds
        if let cpu = Costs.solve(scattered.cpu, crowded.cpu) {
            (costs.messageCPUMicroseconds, costs.deliveryCPUMicroseconds) = cpu
        }
        costs.deliveryBytes = crowded.deliveryBytes
        costs.descriptorsPerConnection = crowded.descriptors
        costs.p99Milliseconds = crowded.p99
        costs.p99Load = crowded.load
        costs.p99Viewers = Double(crowded.viewersOfChannel)
        return costs
    }

    /// A Reader at one moment.
    private struct Snapshot {
        var memoryBytes = 0
        var cpuSeconds = 0.0
        var descriptors = 0
        /// Of the whole machine: sockets, and what belongs to them.
        var kernelBytes = 0

        init(_ node: Node) {
            guard let pid = node.child?.pid else { return }
            memoryBytes = KernelFigures.residentBytes(pid: pid)
            cpuSeconds = ProcessUsage.sample(pid: pid)?.cpuSeconds ?? 0
            descriptors = ProcessUsage.descriptors(pid: pid)
            kernelBytes = KernelFigures.slabBytes()
        }
    }

    private struct Measurement {
        var viewers: Int
        var viewersOfChannel: Int
        var idle: Snapshot
        var connected: Snapshot
        var published: Snapshot
        var seconds: Double
        var report: SwarmReport

        private func perViewer(_ value: Double) -> Double { value / Double(max(viewers, 1)) }
        var connectionBytes: Double { perViewer(Double(connected.memoryBytes - idle.memoryBytes)) }
        /// Both ends of each connection are on this machine.
        var kernelBytes: Double { perViewer(Double(connected.kernelBytes - idle.kernelBytes)) / 2 }
        var connectMicroseconds: Double { perViewer((connected.cpuSeconds - idle.cpuSeconds) * 1e6) }
        var descriptors: Double { perViewer(Double(connected.descriptors - idle.descriptors)).rounded() }
        var deliveryBytes: Double { Double(report.bytesReceived) / Double(max(report.delivery.delivered, 1)) }
        var p99: Double { report.latencyMilliseconds.p99 ?? 0 }
        var load: Double { seconds > 0 ? (published.cpuSeconds - connected.cpuSeconds) / seconds : 0 }
        /// µs of CPU as so many messages and deliveries; one Reader gets every comment once.
        var cpu: (x: Double, y: Double, cost: Double) {
            (
                Double(report.publishing.acknowledged), Double(report.delivery.delivered),
                (published.cpuSeconds - connected.cpuSeconds) * 1e6
            )
        }
    }

    private func measure(_ name: String, channels: Int, rate: Double, _ testbed: Testbed) async throws -> Measurement {
        var run = RunSettings.standard
        run.streams = channels
        run.viewers = settings.viewers
        run.readers = 1
        run.audience = .uniform
        run.rate = rate
        run.duration = settings.seconds
        let services = try await start(name, testbed)
        // Whatever a start leaves to be done, it has done now.
        try await Task.sleep(for: .seconds(1))
        let (reader, idle) = (services.reader, Snapshot(services.reader))
        let swarm = try await testbed.addClient(.swarm, name: "swarm-\(name)", arguments: services.arguments(run))
        let crowd = LoadGeneratorGroup([swarm])
        let measurement = try await crowd.listening { [settings] () async throws -> Measurement in
            try await crowd.reach(.connected, atMost: .seconds(60 + settings.viewers / 50)) { _ in }
            guard crowd.coordinator.failed == 0 else { throw Failure.unavailable("not every viewer could connect") }
            try await Task.sleep(for: .seconds(1))
            let connected = Snapshot(reader)
            let start = ContinuousClock.now
            try await crowd.say(SwarmCoordinator.start)
            try await crowd.reach(.published, atMost: .seconds(settings.seconds * 2 + 60)) { _ in }
            let published = Snapshot(reader)
            let seconds = (ContinuousClock.now - start).seconds
            let report = try await crowd.report()
            // Costs of a Reader that waited for its viewers, or that did not get what it was to carry, are none.
            guard !report.generatorLimited, report.publishing.failed == 0, report.delivery.isClean else {
                throw Failure.unavailable(
                    "'\(name)' measured nothing: "
                        + (report.generatorLimited
                            ? "the simulated viewers were the bottleneck"
                            : "comments failed or were not delivered as they should"))
            }
            return Measurement(
                viewers: settings.viewers, viewersOfChannel: settings.viewers / channels, idle: idle,
                connected: connected, published: published, seconds: seconds, report: report)
        }
        for node in [swarm, services.commentAPI, services.reader, services.redis] { await node.stop() }
        return measurement
    }

    private struct Services {
        var redis: Node
        var commentAPI: Node
        var reader: Node

        func arguments(_ run: RunSettings) -> [String] {
            [
                "swarm", "--coordinate", "--shard", "0/1", "--readers", reader.url, "--comment-api", commentAPI.url,
                "--streams", "\(run.streams)", "--viewers", "\(run.viewers)", "--audience", "\(run.audience)", "--seed",
                "\(run.seed)", "--rate", Format.plain(run.rate), "--duration", Format.plain(run.duration),
                "--placement", "random",
            ]
        }
    }

    /// Without a StatsAPI: reports every half second would be part of what is measured.
    private func start(_ name: String, _ testbed: Testbed) async throws -> Services {
        let redis = try await testbed.startRedis(name: "redis-\(name)")
        let serviceEnvironment = ServiceEnvironment(redis: redis.url)
        let number = name == "crowded" ? 1 : 2
        let commentAPI = try await testbed.addService(.commentAPI, number: number, serviceEnvironment)
        let reader = try await testbed.addService(
            .reader, number: number, serviceEnvironment, ["PLACEMENT": "random", "READER_LOOPS": "1"])
        try await Node.waitUntilReady([commentAPI, reader])
        return Services(redis: redis, commentAPI: commentAPI, reader: reader)
    }
}

/// Memory as the kernel tells it (proc(5)).
enum KernelFigures {
    /// Resident memory of a process; 0 when it is gone.
    static func residentBytes(pid: Int32) -> Int {
        kilobytes("VmRSS:", in: (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? "") * 1024
    }

    /// What the kernel uses for its own objects: sockets, files, buffers among them.
    static func slabBytes() -> Int {
        kilobytes("Slab:", in: (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? "") * 1024
    }

    static func kilobytes(_ key: String, in text: String) -> Int {
        for line in text.split(separator: "\n") where line.hasPrefix(key) {
            return line.split(separator: " ").compactMap { Int($0) }.first ?? 0
        }
        return 0
    }
}
