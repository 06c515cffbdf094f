import Audience
import Foundation
import Wire

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

    private(set) var connected = 0
    private(set) var failed = 0
    /// Of the slowest swarm.
    private(set) var connectSeconds = 0.0
    /// Comments of each channel that were acknowledged, and the highest position.
    private(set) var published: [String: SwarmMessage.Channel] = [:]
    /// One for each swarm that has reported.
    private(set) var reports: [SwarmReport] = []
    /// Comments of each channel that were acknowledged or stored, as `<swarm>.<number>`; in a drill.
    private(set) var written: [String: [String]] = [:]
    /// All swarms together; `nil` until each has told, in a drill.
    var crowd: SwarmMessage.CrowdState? { SwarmMessage.CrowdState(together: crowds) }
    private(set) var delivered = 0
    private(set) var acknowledged = 0
    private var phases: [Phase]
    private var progress: [(delivered: Int, acknowledged: Int)]
    private var crowds: [SwarmMessage.CrowdState?]

    static func == (left: SwarmCoordinator, right: SwarmCoordinator) -> Bool {
        left.phases == right.phases && left.published == right.published && left.reports == right.reports
            && left.connected == right.connected && left.failed == right.failed
    }

    init(swarms: Int) {
        phases = Array(repeating: .connecting, count: swarms)
        progress = Array(repeating: (0, 0), count: swarms)
        crowds = Array(repeating: nil, count: swarms)
    }

    /// The phase that all have reached.
    var phase: Phase { phases.min() ?? .reported }

    func phase(of swarm: Int) -> Phase { phases[swarm] }

    /// Takes a message of one swarm.
    ///
    /// - Throws: ``OutOfTurn`` for one that does not follow what this swarm has said before.
    mutating func received(_ message: SwarmMessage, from swarm: Int) throws(OutOfTurn) {
        switch message.event {
        case .connected:
            try advance(swarm, to: .connected)
            connected += message.viewers ?? 0
            failed += message.failed ?? 0
            connectSeconds = max(connectSeconds, message.seconds ?? 0)
        case .progress:
            crowds[swarm] = message.crowd
            progress[swarm] = (message.delivered ?? 0, message.acknowledged ?? 0)
            delivered = progress.reduce(0) { $0 + $1.delivered }
            acknowledged = progress.reduce(0) { $0 + $1.acknowledged }
        case .published:
            try advance(swarm, to: .published)
            for (channel, more) in message.channels ?? [:] {
                written[channel, default: []] += (more.numbers ?? []).map { "\(swarm).\($0)" }
                merge(more, into: channel)
            }
        case .report:
            try advance(swarm, to: .reported)
            reports += message.report.map { [$0] } ?? []
        }
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

    private mutating func merge(_ more: SwarmMessage.Channel, into channel: String) {
        var more = more
        more.numbers = nil
        published[channel] = published[channel].map { $0.merged(with: more) } ?? more
    }
}

extension SwarmMessage.Channel {
    /// Of each epoch the highest position; the newest epoch is the one whose first acknowledgement came last.
    func merged(with other: Self) -> Self {
        var merged = Self(acknowledged: acknowledged + other.acknowledged)
        var epochs: [String: SwarmMessage.Epoch] = [:]
        for epoch in ends + other.ends {
            guard let position = Position(parsing: epoch.last) else { continue }
            let known = epochs[position.epoch]
            let isHigher = position.offset > known.flatMap { Position(parsing: $0.last)?.offset } ?? 0
            epochs[position.epoch] = SwarmMessage.Epoch(
                last: isHigher ? epoch.last : known?.last ?? epoch.last,
                since: min(epoch.since, known?.since ?? epoch.since))
        }
        let inOrder = epochs.values.sorted { ($0.since, $0.last) < ($1.since, $1.last) }
        merged.last = inOrder.last?.last
        if self.epochs != nil || other.epochs != nil || inOrder.count > 1 { merged.epochs = inOrder }
        return merged
    }

    /// Where each epoch ended.
    var ends: [SwarmMessage.Epoch] { epochs ?? last.map { [SwarmMessage.Epoch(last: $0, since: 0)] } ?? [] }
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

extension SwarmCoordinator {
    static let start = "start"
    static let stop = "stop"

    /// The line that tells every swarm which position each channel ends at.
    var expectation: String {
        struct Expectation: Encodable { var expect: [String: Places] }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data = (try? encoder.encode(Expectation(expect: published.compactMapValues(Places.init)))) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }
}

/// One position, or those of several epochs in their order.
private struct Places: Encodable {
    var positions: [String]

    init?(_ published: SwarmMessage.Channel) {
        positions = published.ends.map(\.last)
        if positions.isEmpty { return nil }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if positions.count == 1 { try container.encode(positions[0]) } else { try container.encode(positions) }
    }
}
