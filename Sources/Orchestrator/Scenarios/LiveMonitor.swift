import Audience
import NIOCore
import Primitives
import Report
import Testbed
import Wire

/// Looks at the services and processes of an experiment while a load goes on, for a ``LiveView``.
final class LiveMonitor: Sendable {
    private let services: Services
    private let start = ContinuousClock.now
    private let seen = Locked(Seen())

    private struct Seen: Sendable {
        var spread: Double?
        var predicted: Double?
        var processes: LiveView.Processes?
        var used: (seconds: Double, cpu: Double)?
    }

    /// Rates are means over so many of the last samples.
    private static let samples = 5

    init(_ services: Services) { self.services = services }

    private var seconds: Double { (ContinuousClock.now - start).seconds }

    /// Looks once a second until the task is cancelled; at the statistics less often, since they ask Redis for every
    /// channel.
    func run(audience: Audience?) async {
        if let audience, services.setup.readers > 0 {
            let share = SpreadOutcome.predicted(
                audience, placement: services.setup.placement, readers: services.readers.map(\.name)
            ).spread
            seen.update { $0.predicted = share }
        }
        let pause = services.setup.streams > 10_000 ? 10 : 2
        var second = 0
        while !Task.isCancelled {
            if second.isMultiple(of: pause) { await lookAtStatistics() }
            lookAtProcesses()
            second += 1
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func lookAtStatistics() async {
        guard services.told.statistics != nil, let node = try? services.testbed.node("stats-api") else { return }
        // A service that stands still must not hold up the rest of the view.
        let client = ServiceClient(node, timeout: .seconds(2))
        let answer = try? await client.statistics(allChannels: false)
        if let share = answer?.statistics.subscriptionSpread.meanShare { seen.update { $0.spread = share } }
    }

    private func lookAtProcesses() {
        let running = services.testbed.nodes.filter(\.isRunning)
        let cpu = services.testbed.nodes.reduce(0) { $0 + $1.usage.cpuSeconds }
        let memory = running.reduce(0) { $0 + $1.usage.memoryPeakBytes }
        let now = seconds
        seen.update { seen in
            let cores = seen.used.map { max(cpu - $0.cpu, 0) / max(now - $0.seconds, 0.001) }
            seen.processes = LiveView.Processes(running: running.count, cores: cores, memoryBytes: memory)
            seen.used = (now, cpu)
        }
    }

    /// Comments and their viewers.
    func view(
        _ now: SwarmCoordinator, duration: Double?, wanted: ((Double) -> Double)? = nil
    ) -> LiveView {
        let points = now.seconds.suffix(Self.samples + 1)
        func flow(_ name: String, _ sum: Int, _ number: KeyPath<RunResult.Sample, Int>) -> LiveView.Flow {
            .init(name: name, sum: sum, perSecond: Self.rate(points.map { ($0.seconds, $0[keyPath: number]) }))
        }
        var view = LiveView(
            seconds: seconds, duration: duration, wanted: wanted?(seconds) ?? services.setup.rate,
            written: flow("comments", now.acknowledged, \.acknowledged),
            delivered: flow("deliveries", now.delivered, \.delivered))
        (view.latency, view.latencyNow) = (now.latency, now.seconds.last?.latency)
        view.others = now.crowd.map {
            "\(Format.grouped($0.watching)) watch, \(Format.grouped($0.away)) are away, \(Format.grouped($0.behind)) behind"
        }
        return complete(view)
    }

    /// Likes and their counts.
    func view(_ samples: [LikesResult.Sample], _ settings: LikesSettings) -> LiveView {
        // They come several times a second.
        let points = samples.suffix(10 * Self.samples)
        func flow(_ name: String, _ number: KeyPath<LikesResult.Sample, Int>) -> LiveView.Flow {
            .init(
                name: name, sum: samples.last?[keyPath: number] ?? 0,
                perSecond: Self.rate(points.map { ($0.seconds, $0[keyPath: number]) }))
        }
        var view = LiveView(
            seconds: samples.last?.seconds ?? 0, wanted: settings.rate,
            written: flow("likes", \.acknowledged), delivered: flow("counts", \.updates))
        view.others = samples.last.map {
            "\(Format.grouped($0.underWay)) users under way, \(Format.grouped($0.refused)) refused"
        }
        return complete(view)
    }

    private func complete(_ view: LiveView) -> LiveView {
        var view = view
        let seen = seen.value
        view.processes = seen.processes
        view.spread = seen.spread.map { .init(share: $0, predicted: seen.predicted) }
        return view
    }

    /// A second, over the whole of `points`; from the start of the load where there is only one.
    static func rate(_ points: [(seconds: Double, sum: Int)]) -> Double? {
        guard let last = points.last else { return nil }
        let first = points.count > 1 ? points[0] : (seconds: 0, sum: 0)
        return last.seconds > first.seconds ? Double(last.sum - first.sum) / (last.seconds - first.seconds) : nil
    }
}
