import Audience
import Options
import Placement
import Report
import Testbed

@testable import Orchestrator
@testable import Wire

/// How a report begins.
func makeBase(_ kind: String = "run", command: String = "Orchestrator run", build: String = "debug") -> Report {
    Report(
        kind: kind, title: "Run", command: command, environment: makeEnvironment(build: build),
        startedAt: "2026-01-01T12:00:00.000Z")
}

func makeEnvironment(cores: Int = 2, build: String = "debug") -> Report.Environment {
    Report.Environment(
        commit: "0123456789ab", build: build, cores: cores, memoryBytes: 8 << 30, kernel: "Linux 6.1",
        processor: "Test CPU", descriptorsMax: 20_000)
}

/// A run as it might have been, with round numbers.
func makeRun() -> RunResult {
    var settings = RunSettings.standard
    settings.readers = 2
    settings.viewers = 200
    let plan = ProcessPlan(settings, Capacity(perProcess: 20_000))
    var result = RunResult(settings: settings, plan: plan, base: makeBase(command: settings.commandLine))
    result.phases = [("start", 1.25), ("publish", 20)]
    result.connections = SwarmReport.Viewers(wanted: 200, connected: 200, connectSeconds: 0.5)
    result.readers = [makeReader("reader-1", channels: 60), makeReader("reader-2", channels: 80)]
    // Amplification is readers × spread; so is the weighted one.
    result.spread = RunResult.Spread(
        .init(
            channels: 100, subscriptions: 140, readers: [], meanShare: 0.7, minShare: 0.6, maxShare: 0.8,
            amplification: 1.4, weightedAmplification: 1.8, wastedShare: 0.286, redisSubscriptions: 140),
        predicted: SpreadOutcome(
            readers: 2, channels: 100, subscriptions: 142, weightedSubscriptions: 1.79, rate: 1, loadMaxOverMean: 1))
    result.spread?.predicted?.deviation = SpreadOutcome.Deviation(spread: 0.02, share: 0.04)
    result.audience = try? settings.audience([])
    result.swarm = makeSwarm()
    result.redis = RedisFigures(memoryBytes: 2 << 20, cpuSeconds: 0.25, commands: 1_000, channels: 0, cut: 0)
    result.timeline = [RunResult.Sample(seconds: 1, acknowledged: 50, delivered: 100)]
    result.map = SubscriptionMap(
        title: "map", subscribed: [("reader-1", ["video:v1", "video:v2"]), ("reader-2", ["video:v2", "video:v3"])])
    result.processes = [
        ProcessCosts(name: "redis", starts: 1, usage: makeUsage(0.5)),
        ProcessCosts(name: "reader-1", starts: 2, usage: makeUsage(1)),
    ]
    return result
}

func makeReport() -> Report { makeRun().report(nil) }

func makeUsage(_ seconds: Double) -> ProcessUsage {
    var usage = ProcessUsage()
    usage.cpuUserSeconds = seconds
    usage.cpuSystemSeconds = seconds / 2
    usage.memoryPeakBytes = 40 << 20
    return usage
}

private func makeReader(_ name: String, channels: Int) -> RunResult.Reader {
    RunResult.Reader(
        name: name, channels: channels, share: Double(channels) / 100, predictedShare: 0.71, viewers: 100,
        messagesReceived: 900, messagesSent: 1_234, usage: makeUsage(1))
}

func makeSwarm(lost: Int = 0, latencyMicroseconds: Int64 = 2_000) -> SwarmReport {
    var latency = LatencyHistogram()
    latency.record(microseconds: latencyMicroseconds, count: 2_468)
    var counts = DeliveryCounts()
    counts.expected = 2_468
    counts.delivered = 2_468 - lost
    counts.lost = lost
    return SwarmReport(
        parameters: SwarmReport.Parameters(
            streams: 100, viewers: 200, audience: .reference, seed: 1, rate: 50, durationSeconds: 20),
        shard: .whole, viewers: SwarmReport.Viewers(wanted: 200, connected: 200, failed: 0, connectSeconds: 0.5),
        publishing: SwarmReport.Publishing(offered: 1_000, started: 1_000, acknowledged: 1_000), delivery: counts,
        latency: latency, bytesReceived: 100_000,
        process: SwarmReport.Process(cpuSeconds: 1, loopBusyShare: 0.1, residentBytesMax: 1 << 20),
        generatorLimited: false)
}
