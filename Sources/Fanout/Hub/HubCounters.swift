internal import Broker
public import Wire

/// What a hub has done since its start.
public struct HubCounters: Equatable, Sendable {
    /// Connections that are open.
    public internal(set) var connections = 0
    /// Connections that were ever attached.
    public internal(set) var connectionsTotal = 0
    /// Messages of logs that came from the broker.
    public internal(set) var messagesReceived = 0
    /// State events that came from the broker: counts of likes and viewers.
    public internal(set) var statesReceived = 0
    /// Messages that had been delivered before.
    public internal(set) var duplicates = 0
    /// Messages that were left to a repair, because a loop was behind.
    public internal(set) var messagesDeferred = 0
    /// Histories that were read for a channel after an interruption.
    public internal(set) var repairs = 0
    /// Viewers who came back and got what they missed from the history.
    public internal(set) var recoveries = 0
    /// Pages of history that were read for them: one serves all who wait for it.
    public internal(set) var historyReads = 0
    /// Events written to viewers, one for each viewer and event.
    public internal(set) var eventsSent = 0
    /// How many of them were messages of logs.
    public internal(set) var messagesSent = 0
    /// Calls that wrote them.
    public internal(set) var writes = 0
    /// State events that a newer one replaced.
    public internal(set) var conflated = 0
    /// Gaps that viewers were told of: in a channel, or who came back to more than the history keeps.
    public internal(set) var gaps = 0
    /// From a comment's timestamp, by the wall clock of its CommentAPI, to its arrival here, by this machine's.
    public internal(set) var receiveTimes = DurationHistogram()
    /// From there until the last viewer of a loop had it.
    public internal(set) var socketTimes = DurationHistogram()
    /// From its timestamp until then.
    public internal(set) var deliveryTimes = DurationHistogram()
    public internal(set) var disconnects: [DisconnectReason: Int] = [:]
    /// Sessions of Socket.IO that are open, that went from polling to a WebSocket, and that ended.
    public internal(set) var sessions = 0
    public internal(set) var sessionUpgrades = 0
    public internal(set) var sessionEndings: [DisconnectReason: Int] = [:]
    public internal(set) var refusals: [HubRefusal: Int] = [:]

    mutating func add(_ report: LoopReport, now: UInt64) {
        connections -= report.departures.count
        for departure in report.departures { disconnects[departure.reason, default: 0] += 1 }
        sessions -= report.endings.count
        for reason in report.endings { sessionEndings[reason, default: 0] += 1 }
        sessionUpgrades += report.upgrades
        eventsSent += report.events
        messagesSent += report.messages
        writes += report.writes
        conflated += report.conflated
        guard !report.rounds.isEmpty else { return }
        for times in report.rounds {
            socketTimes.record(nanoseconds: now - min(now, times.received))
            deliveryTimes.record(nanoseconds: now - min(now, times.published))
        }
    }
}

/// Why a connect was refused. Each is counted under its code, and answered `503` with `Retry-After`.
public enum HubRefusal: String, Error, CaseIterable, Sendable {
    /// Redis is away, or did not acknowledge the subscription in time.
    case brokerUnavailable = "broker_unavailable"
    /// The Reader has as many connections as it may.
    case tooManyConnections = "too_many_connections"
    /// The Reader has as many channels as it may.
    case tooManyChannels = "too_many_channels"
    /// The Reader drains or stops.
    case draining
}
