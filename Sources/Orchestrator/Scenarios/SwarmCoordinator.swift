import Audience
import Foundation
import Testbed

/// Leads the swarm processes of one run through its phases together. It takes what they say and keeps where they are;
/// whoever owns it does the talking.
struct SwarmCoordinator: Equatable, Sendable {
    /// Each is reached when the last swarm has reached it; the next follows, none is left out.
    enum Phase: Int, Comparable, Sendable {
        /// Viewers connect. Next: ``connected``.
        case connecting
        /// Nobody publishes yet; the swarms wait for `start`. Next: ``published``.
        case connected
        /// All comments are acknowledged or failed; the swarms wait for what to expect. Next: ``reported``.
        case published
        /// All have reported and end.
        case reported

        static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
    }

    /// Of the swarms that have told.
    private(set) var connections = SwarmReport.Viewers()
    /// What all swarms wrote to each channel.
    private(set) var published: [String: ChannelComments] = [:]
    /// One for each swarm that has reported.
    private(set) var reports: [SwarmReport] = []
    /// Comments of each channel that were acknowledged or stored, as `<swarm>.<number>`; in a drill.
    private(set) var written: [String: [String]] = [:]
    /// All swarms together; `nil` until each has told, in a drill.
    var crowd: SwarmMessage.CrowdState? { SwarmMessage.CrowdState(together: crowds) }
    private(set) var delivered = 0
    private(set) var acknowledged = 0
    /// Each second of publishing that every swarm has told of; at most ``RunResult/samplesMax``.
    private(set) var seconds: [RunResult.Sample] = []
    /// Since comments were due, from the start of publishing until the last of ``seconds``.
    private(set) var latency: LatencySummary?
    private var latencies = LatencyHistogram()
    private var open: [Int: OpenSecond] = [:]
    /// What all swarms together did, for each stage that at least one has ended.
    private(set) var stages: [Stage] = []
    private var stagesEnded: [Int]
    private var phases: [Phase]
    private var progress: [(delivered: Int, acknowledged: Int)]
    private var crowds: [SwarmMessage.CrowdState?]

    static func == (left: SwarmCoordinator, right: SwarmCoordinator) -> Bool {
        left.phases == right.phases && left.published == right.published && left.reports == right.reports
            && left.connections == right.connections
    }

    init(swarms: Int) {
        phases = Array(repeating: .connecting, count: swarms)
        progress = Array(repeating: (0, 0), count: swarms)
        crowds = Array(repeating: nil, count: swarms)
        stagesEnded = Array(repeating: 0, count: swarms)
    }

    /// The phase that all have reached.
    var phase: Phase { phases.min() ?? .reported }

    /// Stages that every swarm has ended.
    var wholeStages: Int { stagesEnded.min() ?? 0 }

    func phase(of swarm: Int) -> Phase { phases[swarm] }

    /// Takes a message of one swarm.
    ///
    /// - Throws: ``OutOfTurn`` for one that does not follow what this swarm has said before.
    mutating func received(_ message: SwarmMessage, from swarm: Int) throws(OutOfTurn) {
        switch message.event {
        case .connected:
            try advance(swarm, to: .connected)
            connections.add(
                SwarmReport.Viewers(
                    connected: message.viewers ?? 0, failed: message.failed ?? 0, connectSeconds: message.seconds ?? 0))
        case .progress:
            crowds[swarm] = message.crowd
            note(message, of: swarm)
            noteSecond(message)
        case .stage:
            if stages.count == stagesEnded[swarm] { stages.append(Stage()) }
            stages[stagesEnded[swarm]].add(message)
            stagesEnded[swarm] += 1
            note(message, of: swarm)
        case .published:
            try advance(swarm, to: .published)
            for (channel, more) in message.channels ?? [:] {
                written[channel, default: []] += more.numbers.map { "\(swarm).\($0)" }
                published[channel] = published[channel].map { $0.merged(with: more) } ?? more
            }
        case .report:
            try advance(swarm, to: .reported)
            reports += message.report.map { [$0] } ?? []
        }
    }

    private mutating func note(_ message: SwarmMessage, of swarm: Int) {
        progress[swarm] = (message.delivered ?? 0, message.acknowledged ?? 0)
        delivered = progress.reduce(0) { $0 + $1.delivered }
        acknowledged = progress.reduce(0) { $0 + $1.acknowledged }
    }

    struct Stage: Equatable, Sendable {
        /// Since comments were due, of this stage.
        var latency = LatencyHistogram()
        /// Until its end, since the start of publishing.
        var acknowledged = 0
        var delivered = 0

        fileprivate mutating func add(_ message: SwarmMessage) {
            if let told = message.latency { latency.merge(told) }
            acknowledged += message.acknowledged ?? 0
            delivered += message.delivered ?? 0
        }
    }

    /// A second that not every swarm has told of.
    private struct OpenSecond: Sendable {
        var swarms = 0
        var sample = RunResult.Sample(seconds: 0, acknowledged: 0, delivered: 0)
        var latencies = LatencyHistogram()

        /// A swarm that tells nothing any more must not fill the memory.
        static let most = 60
    }

    private mutating func noteSecond(_ message: SwarmMessage) {
        guard let told = message.latency, let number = message.second.map({ Int($0) }) else { return }
        var second = open.removeValue(forKey: number) ?? OpenSecond()
        second.swarms += 1
        second.sample.seconds = max(second.sample.seconds, message.seconds ?? Double(number))
        second.sample.acknowledged += message.acknowledged ?? 0
        second.sample.delivered += message.delivered ?? 0
        second.latencies.merge(told)
        guard second.swarms == phases.count else {
            open[number] = second
            if open.count > OpenSecond.most, let oldest = open.keys.min() { open[oldest] = nil }
            return
        }
        latencies.merge(second.latencies)
        latency = LatencySummary(latencies)
        second.sample.latency = LatencySummary(second.latencies)
        if seconds.count < RunResult.samplesMax { seconds.append(second.sample) }
    }

    struct OutOfTurn: Error, Equatable {
        var swarm: Int
        var said: Phase
        var after: Phase
    }

    private mutating func advance(_ swarm: Int, to phase: Phase) throws(OutOfTurn) {
        guard phases[swarm].rawValue + 1 == phase.rawValue else {
            throw OutOfTurn(swarm: swarm, said: phase, after: phases[swarm])
        }
        phases[swarm] = phase
    }
}

extension SwarmMessage.CrowdState {
    /// The sums; whole only as long as every swarm is. `nil` when one of them has not told.
    init?(together states: [Self?]) {
        let known = states.compactMap { $0 }
        guard known.count == states.count, let first = known.first else { return nil }
        self = known.dropFirst().reduce(into: first) { sum, more in
            sum.at = max(sum.at, more.at)
            sum.watching += more.watching
            sum.away += more.away
            sum.behind += more.behind
            sum.wholeThrough = min(sum.wholeThrough, more.wholeThrough)
            sum.unacknowledged += more.unacknowledged
            sum.attempts += more.attempts
            sum.connects += more.connects
        }
    }
}
