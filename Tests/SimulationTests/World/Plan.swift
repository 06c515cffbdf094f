import Placement
import Wire

/// The parameters of one schedule, drawn from its seed. Printed with a failure.
struct Plan: CustomStringConvertible {
    let seed: UInt64
    let channels: [Channel]
    let readers: Int
    let loops: Int
    let viewers: Int
    let writers: Int
    /// Comments that are written, spread over the time of faults.
    let comments: Int
    let faults: Int
    /// Virtual nanoseconds in which viewers move and faults happen.
    let duration: UInt64
    let historyLength: Int
    /// Entries of one page of history: small, so that histories take several.
    let historyPage: Int
    let cooldown: UInt64
    /// Bytes of frames that may wait for a loop. Small ones make Readers leave messages to a repair.
    let mailboxBytes: Int
    let retainedBytes: Int
    /// Bytes of histories that may be held for viewers who come back.
    let missedBytes: Int
    /// Bytes that a viewer who comes back is given at once.
    let pieceBytes: Int
    let backlogBytes: Int
    let heartbeat: UInt64
    let writesPerSlice: Int
    /// Of a thousand: answers of Redis that take much longer than usual.
    let lateAnswers: Int
    /// Of a thousand: questions and publishes that fail.
    let failures: Int
    /// Whether faults may take data from Redis.
    let mayLoseData: Bool
    /// Of a cluster; 0: Redis is one server.
    let masters: Int
    /// In a cluster: a comment is acknowledged when a replica has it, and not before.
    let acknowledgesReplicated: Bool

    init(seed: UInt64, isCluster: Bool = false) {
        var random = SeededRandom(seed: seed)
        self.seed = seed
        channels = (0..<random.number(1...3)).compactMap { Channel.video("v\($0)") }
        readers = random.number(1...3)
        loops = random.number(1...2)
        viewers = random.number(2...7)
        writers = random.number(1...2)
        comments = random.number(10...50)
        faults = random.number(0...8)
        duration = UInt64(random.number(2...6)) * 1_000_000_000
        let isSafe = random.chance(500)
        mayLoseData = isCluster ? !isSafe : isSafe
        historyLength = !isCluster && mayLoseData && random.chance(400) ? random.number(2...10) : 1000
        historyPage = random.pick([4, 7, 25, 1000])
        cooldown = random.pick([0, 100, 500, 2000]) * 1_000_000
        mailboxBytes = random.pick([40, 100, 1_000, 64_000, 64_000])
        retainedBytes = random.pick([100, 1_000_000, 1_000_000])
        missedBytes = random.pick([150, 1_000_000, 1_000_000])
        pieceBytes = random.pick([1, 60, 64_000])
        backlogBytes = random.pick([200, 200, 1_000, 64_000])
        heartbeat = random.pick([1, 25, 25]) * 1_000_000_000
        writesPerSlice = random.number(1...8)
        lateAnswers = random.pick([0, 50, 300])
        failures = random.pick([0, 0, 30, 150])
        masters = isCluster ? random.number(2...3) : 0
        acknowledgesReplicated = isCluster && isSafe
    }

    /// Nothing is ever lost, so nobody may be told a gap.
    var isLossless: Bool { !mayLoseData }

    var description: String {
        """
        seed \(seed): \(channels.count) channels, \(readers) Readers of \(loops) loops, \(viewers) viewers, \
        \(comments) comments of \(writers) writers, \(faults) faults in \(duration / 1_000_000) ms; history \(historyLength), pages of \
        \(historyPage), cool-down \(cooldown / 1_000_000) ms, mailboxes \(mailboxBytes) B, retained \(retainedBytes) B, \
        missed \(missedBytes) B in pieces of \(pieceBytes) B, heartbeats \(heartbeat / 1_000_000_000) s, backlogs \
        \(backlogBytes) B, late answers \(lateAnswers)‰, failures \(failures)‰, \
        \(mayLoseData ? "Redis may lose data" : "Redis keeps its data"), \(masters) masters\
        \(acknowledgesReplicated ? ", acknowledged is replicated" : "")
        """
    }
}

/// One for a schedule decides everything.
struct SeededRandom: RandomNumberGenerator {
    private var generator: SplitMix64

    init(seed: UInt64) { generator = SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678) }
    mutating func next() -> UInt64 { generator.next() }

    /// `true` in so many of a thousand cases.
    mutating func chance(_ perMille: Int) -> Bool { next() % 1000 < UInt64(perMille) }
    mutating func index(below count: Int) -> Int { Int(next() % UInt64(max(count, 1))) }
    mutating func number(_ range: ClosedRange<Int>) -> Int { range.lowerBound + index(below: range.count) }

    /// A time between two numbers of microseconds, in nanoseconds.
    mutating func micros(_ range: ClosedRange<Int>) -> UInt64 { UInt64(number(range)) * 1000 }
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[index(below: elements.count)] }
}
