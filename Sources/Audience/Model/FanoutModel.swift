internal import Glibc

/// Channels of one Reader that are alike.
public struct FanoutChannels: Equatable, Sendable {
    /// How many there are; an expected value, so it need not be whole.
    public var count: Double
    /// Viewers of each on this Reader.
    public var viewers: Double
    /// Comments a second of each.
    public var rate: Double

    public init(count: Double, viewers: Double, rate: Double) {
        (self.count, self.viewers, self.rate) = (count, viewers, rate)
    }
}

/// What a Reader's work costs on one machine, in seconds, unless a member says something else.
public struct FanoutCosts: Equatable, Sendable {
    // Processor time.

    /// Of a Reader whose viewers get nothing, in cores.
    public var idle = 0.0
    /// Of waking the threads that take a message from Redis to the viewers. Messages that come within ``wakeSeconds`` of each
    /// other wake them once.
    public var wake = 0.0
    /// Of a write to a viewer whose socket is in the processor's caches.
    public var write = 0.0
    /// More than ``write`` when all of the socket comes from memory.
    public var miss = 0.0
    /// Connections of which half comes from memory: of V it is the part V/(V + `cached`).
    public var cached = 1.0
    /// More than ``write`` when the viewers of the channel are far from each other in memory, as on a Reader with many channels.
    public var apart = 0.0
    /// More than ``write`` when the loop has slept before: others had the caches, and whoever reads sleeps, too.
    public var rested = 0.0
    /// Of each event in a write, for its bytes.
    public var event = 0.0
    /// Bytes of an event; 0: writes may be of any size.
    public var eventBytes = 0.0

    // Latency.

    /// From the publish to the loop, and from the last write to the viewer: 99% within this.
    public var base = 0.0
    /// By how much a pass takes longer than its processor time when the loop has nothing else to do, as a part of it: a loop
    /// with work lets others run between two slices.
    public var pause = 0.0
    /// Passes within which 99% of the deliveries are made that need a whole one.
    public var passes = 1.0

    public static let wakeSeconds = 0.001

    public init() {}

    /// Threads woken a second by so many messages a second.
    public static func wakes(_ messages: Double) -> Double { -expm1(-messages * wakeSeconds) / wakeSeconds }

    /// Of a write without its events, on a Reader with so many connections, to a channel with so many of them.
    ///
    /// - Parameter busy: part of the time that the loop works.
    func write(connections: Double, viewers: Double, busy: Double) -> Double {
        guard connections > 0 else { return write }
        return write + miss * connections / (connections + cached) + apart * max(0, 1 - viewers / connections)
            + rested * max(0, 1 - busy)
    }
}

/// What a Reader has to do for so many comments, and how late they are.
///
/// A Reader does not write each comment to each viewer. A channel's ring goes round while somebody has not got everything,
/// and writes to each member once, all that came since it was passed last. A comment that comes in the middle of a pass
/// makes the ring go on, but not round once more. With comments at random times, λ a second, and T seconds for one pass,
/// it stands still in the part e^(-λT) of the time (nothing came for T: M/D/∞), hence
///
///     passes a second = (1 - e^(-λT)) / T        λ while comments are few, 1/T when they are many
///
/// A loop takes its channels in turn, ``slice`` writes each. While one is passed, the others that are busy are, too:
///
///     T = slices of a pass · (own slice + Σ over the others: part of the time that it is busy · its slice)
///
/// which depends on every other T, and on how busy the loop is: a solution is found by iteration. A write with more events
/// takes longer by their bytes. When these alone fill a loop, or one write is more than ``writeBytesMax``, the Reader
/// cannot keep up.
public struct FanoutModel: Sendable {
    /// `FanoutLoopSettings.writesPerSlice`.
    public static let slice = 128.0
    /// A write with more bytes is not taken at once: it is more than a socket's buffers hold (`HubSettings.sendBufferBytes`,
    /// and the window of a receiver that has not read yet). The loop has to come back for the rest, the next write is larger
    /// still, and passes grow to seconds.
    public static let writeBytesMax = 65_536.0

    public let costs: FanoutCosts
    /// Threads that write, each to its part of every channel.
    public let loops: Int

    public init(_ costs: FanoutCosts, loops: Int = 1) {
        (self.costs, self.loops) = (costs, max(1, loops))
    }

    public struct Prediction: Equatable, Sendable {
        /// Processor time a second.
        public var cores: Double
        /// Part of the time that a loop works; 1: it never stands still.
        public var busy: Double
        public var writesPerSecond: Double
        public var deliveriesPerSecond: Double
        /// Seconds of the longest pass; infinite when the loops cannot keep up.
        public var pass: Double
        /// Seconds from publish to receive, for 99% of the deliveries.
        public var p99: Double
    }

    /// - Parameter connections: of the Reader, those of silent channels among them.
    public func predict(_ channels: [FanoutChannels], connections: Double) -> Prediction {
        let passes = Passes(parts(channels), connections: connections, costs)
        let all = Double(loops)
        return Prediction(
            cores: min(all, rest(channels) + passes.load * all), busy: passes.load,
            writesPerSecond: passes.writes * all, deliveriesPerSecond: passes.deliveries * all,
            pass: passes.durations.max() ?? 0, p99: costs.base + costs.passes * passes.quantile(0.99))
    }

    /// Processor time a second that is needed for passes that take `seconds` each: the loops write more often when they have
    /// the time, and need not.
    public func coresNeeded(_ channels: [FanoutChannels], connections: Double, pass seconds: Double) -> Double {
        let passes = Passes(parts(channels), connections: connections, costs, lasting: seconds)
        return rest(channels) + passes.load * Double(loops)
    }

    /// What is no write: a part of one core.
    private func rest(_ channels: [FanoutChannels]) -> Double {
        costs.idle + costs.wake * FanoutCosts.wakes(channels.reduce(0) { $0 + $1.count * $1.rate })
    }

    private func parts(_ channels: [FanoutChannels]) -> [FanoutChannels] {
        channels.filter { $0.count > 0 && $0.viewers > 0 && $0.rate > 0 }.map {
            FanoutChannels(count: $0.count, viewers: max(1, $0.viewers / Double(loops)), rate: $0.rate)
        }
    }
}

/// The passes of one loop.
private struct Passes {
    private let parts: [FanoutChannels]
    private let connections: Double
    private let costs: FanoutCosts
    /// Seconds of one pass, for each kind of channel.
    private(set) var durations: [Double]
    /// Part of the time that the loop works: processor time a second, at most 1 unless passes of a stated duration need more.
    private(set) var load = 0.0

    private static let roundsMax = 3_000

    /// - Parameter lasting: all of them last so long; as long as they need without.
    init(
        _ parts: [FanoutChannels], connections: Double, _ costs: FanoutCosts, lasting seconds: Double? = nil
    ) {
        (self.parts, self.connections, self.costs) = (parts, connections, costs)
        durations = parts.map { seconds ?? $0.viewers * costs.write }
        if seconds != nil {
            for _ in 0..<50 { load = (load + work) / 2 }
        } else if deliveries * costs.event >= 1 {
            durations = parts.map { _ in .infinity }
            load = 1
        } else {
            settle()
        }
    }

    private mutating func settle() {
        for _ in 0..<Passes.roundsMax {
            let next = step()
            let change = zip(next, durations).map { abs($0 - $1) / max($0, 1e-12) }.max() ?? 0
            durations = next
            // Half of the way: with the whole one a loop that is busy, and so has cheaper writes, and so is not, would swing.
            let needed = min(1, work)
            defer { load = (load + needed) / 2 }
            if change < 1e-9, abs(load - needed) < 1e-9 { break }
        }
        if parts.indices.contains(where: { events($0) * costs.eventBytes > FanoutModel.writeBytesMax }) {
            durations = parts.map { _ in .infinity }
            load = 1
        }
    }

    /// Part of the time in which somebody waits for a write, of a channel of this kind.
    private func busy(_ kind: Int) -> Double { -expm1(-parts[kind].rate * durations[kind]) }

    private func perSecond(_ kind: Int) -> Double {
        durations[kind].isFinite && durations[kind] > 0 ? busy(kind) / durations[kind] : 0
    }

    /// Of one write.
    private func events(_ kind: Int) -> Double {
        max(1, parts[kind].rate / max(perSecond(kind), .leastNormalMagnitude))
    }

    private func cost(_ kind: Int) -> Double {
        costs.write(connections: connections, viewers: parts[kind].viewers, busy: load)
    }

    var writes: Double { parts.indices.reduce(0) { $0 + parts[$1].count * parts[$1].viewers * perSecond($1) } }
    var deliveries: Double { parts.reduce(0) { $0 + $1.count * $1.viewers * $1.rate } }

    /// Processor time a second.
    private var work: Double {
        parts.indices.reduce(deliveries * costs.event) {
            $0 + parts[$1].count * parts[$1].viewers * perSecond($1) * cost($1)
        }
    }

    private func step() -> [Double] {
        let slices = parts.indices.map { kind in
            min(FanoutModel.slice, parts[kind].viewers) * (cost(kind) + events(kind) * costs.event)
        }
        let all = parts.indices.reduce(0) { $0 + parts[$1].count * busy($1) * slices[$1] }
        return parts.indices.map { kind in
            let others = max(0, all - busy(kind) * slices[kind])
            let seconds = max(1, parts[kind].viewers / FanoutModel.slice) * (slices[kind] + others)
            return seconds * (1 + costs.pause * (1 - load))
        }
    }

    /// Within so many seconds a part `share` of the deliveries is written: the place of a viewer before the cursor is as
    /// random as the time of a comment, so each waits between nothing and a whole pass of its channel.
    func quantile(_ share: Double) -> Double {
        guard let longest = durations.max(), longest.isFinite else { return durations.isEmpty ? 0 : .infinity }
        let wanted = share * deliveries
        func within(_ seconds: Double) -> Double {
            zip(parts, durations).reduce(0) {
                $0 + $1.0.count * $1.0.viewers * $1.0.rate * min(1, seconds / $1.1)
            }
        }
        var (low, high) = (0.0, longest)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if within(middle) < wanted { low = middle } else { high = middle }
        }
        return high
    }
}
