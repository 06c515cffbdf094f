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
    private(set) var published: [String: SwarmMessage.Published] = [:]
    /// One line for each swarm that has reported.
    private(set) var reports: [String] = []
    private(set) var delivered = 0
    private(set) var acknowledged = 0
    private var phases: [Phase]
    private var progress: [(delivered: Int, acknowledged: Int)]

    static func == (left: SwarmCoordinator, right: SwarmCoordinator) -> Bool {
        left.phases == right.phases && left.published == right.published && left.reports == right.reports
            && left.connected == right.connected && left.failed == right.failed
    }

    init(swarms: Int) {
        phases = Array(repeating: .connecting, count: swarms)
        progress = Array(repeating: (0, 0), count: swarms)
    }

    /// The phase that all have reached.
    var phase: Phase { phases.min() ?? .reported }

    func phase(of swarm: Int) -> Phase { phases[swarm] }

    /// Takes a message of one swarm.
    ///
    /// - Throws: ``OutOfTurn`` for one that does not follow what this swarm has said before.
    mutating func received(_ message: SwarmMessage, from swarm: Int) throws(OutOfTurn) {
        switch message {
        case .connected(let viewers, let failed, let seconds):
            try advance(swarm, to: .connected)
            connected += viewers
            self.failed += failed
            connectSeconds = max(connectSeconds, seconds)
        case .progress(_, let delivered, let acknowledged):
            progress[swarm] = (delivered, acknowledged)
            self.delivered = progress.reduce(0) { $0 + $1.delivered }
            self.acknowledged = progress.reduce(0) { $0 + $1.acknowledged }
        case .published(let channels):
            try advance(swarm, to: .published)
            for (channel, more) in channels { merge(more, into: channel) }
        case .report(let line):
            try advance(swarm, to: .reported)
            reports.append(line)
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

    private mutating func merge(_ more: SwarmMessage.Published, into channel: String) {
        guard let known = published[channel] else { return published[channel] = more }
        let isLater = (Position(parsing: more.last)?.offset ?? 0) > (Position(parsing: known.last)?.offset ?? 0)
        let last = isLater ? more.last : known.last
        published[channel] = SwarmMessage.Published(acknowledged: known.acknowledged + more.acknowledged, last: last)
    }
}

extension SwarmCoordinator {
    static let start = "start"

    /// The line that tells every swarm which position each channel ends at.
    var expectation: String {
        struct Expectation: Encodable { var expect: [String: String] }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data = (try? encoder.encode(Expectation(expect: published.mapValues(\.last)))) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }
}
