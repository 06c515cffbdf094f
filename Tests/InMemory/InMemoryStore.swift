public import Broker
import Placement
public import Wire

/// What Redis holds for the broker, as a value: positions, event histories, and the name of its replication history.
///
/// It follows the same rules as the Lua script of ``RedisBroker`` and is deterministic: equal seeds and equal calls
/// give equal positions. For simulations that step it themselves; ``InMemoryBroker`` wraps it for everything else.
public struct InMemoryStore: Sendable {
    struct Stored {
        let mark: HistoryContinuity.Mark
        let frame: [UInt8]

        /// What follows the id line.
        var payload: ArraySlice<UInt8> { frame.drop { $0 != 0x0A }.dropFirst() }
    }

    struct Log {
        var position: Position
        /// The replication history under which it was written.
        var history: UInt64
        var entries: [Stored] = []
        /// Offsets of the named ones among the entries.
        var names: [String: UInt64] = [:]
        /// The history's key holds something else: the next publish begins a new epoch.
        var isForeign = false
    }

    public let historyLength: Int
    /// Whether another server may take over without everything that was acknowledged.
    private let mayLose: Bool
    private var random: SplitMix64
    private var history: UInt64
    private var logs: [Channel: Log] = [:]

    /// - Parameter historyLength: the most entries kept of one channel, 1 or more.
    public init(historyLength: Int = 1000, mayLose: Bool = false, seed: UInt64 = 1) {
        self.historyLength = max(1, historyLength)
        self.mayLose = mayLose
        // Of two stores with seeds of their own, never the same.
        history = seed << 20
        self.random = SplitMix64(seed: seed)
    }

    /// Appends one log event; returns its place and its complete frame.
    ///
    /// - Parameters:
    ///   - known: the highest position of the channel that the publisher has an acknowledgement for.
    ///   - clock: Redis's, in seconds since ``PositionRule/clockStart``.
    public mutating func append(
        _ payload: [UInt8], to channel: Channel, named name: String? = nil, known: Position? = nil, clock: UInt64 = 0
    ) -> (position: Position, frame: [UInt8]) {
        // Drawn whether needed or not, as a publisher does: the sequence depends on the number of calls alone.
        let freshEpoch = PositionRule.makeEpoch(using: &random)
        let there = logs[channel].flatMap { $0.isForeign ? nil : $0 }
        var log = there ?? Log(position: Position(offset: 0, epoch: freshEpoch), history: history)
        let mark = mark(after: log, known: known, clock: clock)
        let position = Position(offset: mark.offset, epoch: log.position.epoch)
        let frame = FrameHead.idLine(position) + payload
        log.position = position
        log.history = history
        log.entries.append(Stored(mark: mark, frame: frame))
        if let name { log.names[name] = position.offset }
        if log.entries.count > historyLength { log.entries.removeFirst(log.entries.count - historyLength) }
        logs[channel] = log
        return (position, frame)
    }

    private func mark(after log: Log, known: Position?, clock: UInt64) -> HistoryContinuity.Mark {
        let last = log.position.offset
        let lost = known.flatMap { $0.epoch == log.position.epoch && $0.offset > last ? $0.offset : nil }
        guard lost != nil || log.history != history else { return .init(offset: last + 1) }
        let offset = PositionRule.resumption(after: lost ?? last, clock: clock)
        let isUnknown = mayLose && known?.epoch != log.position.epoch
        return .init(offset: offset, resumedAfter: last, lostThrough: lost ?? (isUnknown ? offset - 1 : nil))
    }

    public func position(of channel: Channel) -> Position? { logs[channel]?.position }

    /// Whether something else stands in the place of the channel's history, see ``replaceHistory(of:)``.
    public func isForeign(_ channel: Channel) -> Bool { logs[channel]?.isForeign ?? false }

    /// See ``Broker/history(of:after:through:limit:)``.
    public func history(of channel: Channel, after: UInt64, through: UInt64?, limit: Int) -> HistoryPage {
        guard let log = logs[channel] else { return .empty }
        let wanted = log.entries.drop { $0.mark.offset <= after }.prefix { $0.mark.offset <= through ?? .max }
        let page = Array(wanted.prefix(max(1, limit)))
        let isCut = page.count < wanted.count
        let rule = HistoryContinuity(after: after, through: through, newest: log.position.offset)
        var answer = HistoryPage(
            position: log.position, entries: page.map { HistoryEntry(offset: $0.mark.offset, frame: $0.frame) },
            missing: rule.missing(first: log.entries.first?.mark, page: page.map(\.mark), isCut: isCut), isCut: isCut)
        answer.continuesHere = log.position.offset < after && log.history == history && !log.isForeign
        return answer
    }
}

// MARK: Single events

extension InMemoryStore {
    /// See ``EventLog/find(_:in:)``.
    public func find(_ keys: [EventKey], in channel: Channel) -> PlacedEvent? {
        guard !keys.isEmpty, let log = logs[channel] else { return nil }
        let found = log.entries.last { entry in keys.contains { $0.matches(entry.payload) } }
        return found.map { Self.placed($0, in: log) }
    }

    /// The event with one of these names, in their order.
    public func find(named names: [String], in channel: Channel) -> PlacedEvent? {
        guard let log = logs[channel] else { return nil }
        return names.lazy.compactMap { name in
            log.entries.last { $0.mark.offset == log.names[name] }.map { Self.placed($0, in: log) }
        }.first
    }

    /// See ``EventLog/latest(of:before:limit:)``.
    public func latest(of channel: Channel, before: UInt64?, limit: Int) -> [PlacedEvent] {
        guard let log = logs[channel] else { return [] }
        let wanted = log.entries.reversed().drop { $0.mark.offset >= before ?? .max }
        return wanted.prefix(max(1, limit)).map { Self.placed($0, in: log) }
    }

    /// See ``EventLog/remove(_:from:)``.
    @discardableResult
    public mutating func remove(_ position: Position, from channel: Channel) -> Bool {
        guard let log = logs[channel], log.position.epoch == position.epoch,
            log.entries.contains(where: { $0.mark.offset == position.offset })
        else { return false }
        remove(offset: position.offset, from: channel)
        return true
    }

    private static func placed(_ entry: Stored, in log: Log) -> PlacedEvent {
        PlacedEvent(
            position: Position(offset: entry.mark.offset, epoch: log.position.epoch), payload: Array(entry.payload))
    }
}

// MARK: Faults

extension InMemoryStore {
    /// Redis restarted with its append-only file whole, or without the newest `lost` events of each channel.
    public mutating func restart(losing lost: [Channel: Int] = [:]) {
        history += 1
        for (channel, count) in lost {
            guard var log = logs[channel], count > 0 else { continue }
            log.entries.removeLast(min(count, log.entries.count))
            let floor = log.position.offset - min(log.position.offset, UInt64(count))
            log.position = Position(offset: log.entries.last?.mark.offset ?? floor, epoch: log.position.epoch)
            logs[channel] = log
        }
    }

    /// What a replica has is served from now on: a replica was promoted, or this server took its data, and was promoted.
    public mutating func adopt(_ replica: InMemoryStore) {
        history += 1
        logs = replica.logs
    }

    /// A slot moves: everything of the channel comes from another node.
    public mutating func take(_ channel: Channel, from other: inout InMemoryStore) {
        if let log = other.logs.removeValue(forKey: channel) { logs[channel] = log }
    }

    /// Somebody deleted everything of a channel.
    public mutating func drop(_ channel: Channel) { logs[channel] = nil }

    /// Redis came back empty, or (not `restarted`) somebody emptied it.
    public mutating func loseEverything(restarted: Bool = true) {
        if restarted { history += 1 }
        logs.removeAll()
    }

    /// Redis evicted, or somebody deleted, the history of a channel but not its position.
    public mutating func evictHistory(of channel: Channel) {
        logs[channel]?.entries.removeAll()
        logs[channel]?.isForeign = false
    }

    /// Somebody put a value of another type in the place of a channel's history.
    public mutating func replaceHistory(of channel: Channel) {
        logs[channel]?.entries.removeAll()
        logs[channel]?.isForeign = true
    }

    /// One comment was removed from the history.
    public mutating func remove(offset: UInt64, from channel: Channel) {
        logs[channel]?.entries.removeAll { $0.mark.offset == offset }
    }
}
