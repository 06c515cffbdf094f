import Audience
import Placement

@testable import Orchestrator

/// A run as it might have been, with round numbers.
func makeReport() -> RunReport {
    var settings = RunSettings()
    settings.readers = 2
    settings.viewers = 200
    let plan = ProcessPlan(settings, limits: DescriptorLimits(perProcess: 20_000))
    let machine = Machine(
        cores: 2, memoryBytes: 8 << 30, kernel: "Linux 6.1", processor: "Test CPU", descriptorsMax: 20_000)
    var report = RunReport(
        settings: settings, plan: plan, command: settings.commandLine,
        software: Software(commit: "0123456789ab", build: "debug", redis: "7.0.15"), machine: machine,
        startedAt: "2026-01-01T12:00:00.000Z")
    report.finishedAt = "2026-01-01T12:01:00.000Z"
    report.phases = [RunReport.Phase(name: "start", seconds: 1.25), RunReport.Phase(name: "publish", seconds: 20)]
    report.connections = RunReport.Connections(wanted: 200, connected: 200, failed: 0, seconds: 0.5)
    report.readers = [makeReader("reader-1", channels: 60), makeReader("reader-2", channels: 80)]
    report.spread = RunReport.Spread(
        channels: 100, subscriptions: 140, redisSubscriptions: 140, meanShare: 0.7, minShare: 0.6, maxShare: 0.8,
        amplification: 1.4, weightedAmplification: 1.8, wastedShare: 0.286,
        predicted: RunReport.Prediction(
            share: 0.71, amplification: 1.42, weightedAmplification: 1.79, wastedShare: 0.296, source: "formula"))
    report.swarm = makeSwarm()
    report.redis = RunReport.RedisFigures(
        version: "7.0.15", usedMemoryBytes: 2 << 20, peakMemoryBytes: 3 << 20, commandsWhilePublishing: 1_000,
        cpuSecondsWhilePublishing: 0.25, subscribersCut: 0)
    report.timeline = [RunReport.Sample(seconds: 1, acknowledged: 50, delivered: 100)]
    report.map = SubscriptionMap(
        title: "map", subscribed: [("reader-1", ["video:v1", "video:v2"]), ("reader-2", ["video:v2", "video:v3"])])
    report.processes = [
        RunReport.Process(name: "redis", role: .redis, starts: 1, usage: makeUsage(0.5)),
        RunReport.Process(name: "reader-1", role: .reader, starts: 2, usage: makeUsage(1)),
    ]
    report.verdict = Judge.verdict(on: report, failure: nil)
    return report
}

func makeUsage(_ seconds: Double) -> ProcessUsage {
    var usage = ProcessUsage()
    usage.cpuUserSeconds = seconds
    usage.cpuSystemSeconds = seconds / 2
    usage.memoryPeakBytes = 40 << 20
    return usage
}

private func makeReader(_ name: String, channels: Int) -> RunReport.Reader {
    RunReport.Reader(
        name: name, channels: channels, share: Double(channels) / 100, predictedShare: 0.71, viewers: 100,
        messagesReceived: 500, messagesSent: 1_234, usage: makeUsage(1))
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
