/// When viewers get a heartbeat: after an interval in which nothing was sent to them. Pure.
///
/// One tick of 100 ms serves all viewers of a loop. A viewer is visited in every `period`th tick, four times an interval,
/// at a phase that follows from its number: viewers have consecutive numbers, so each tick visits the same share of
/// them, whenever they came. A visited viewer is due if the interval would be over before its next visit.
struct Heartbeats {
    static let tickNanoseconds: UInt64 = 100_000_000
    static let visitsPerInterval: UInt32 = 4

    /// In ticks.
    private let interval: UInt32
    private let period: UInt32
    private var tick: UInt32 = 0
    /// The tick of the last write to each viewer, by its number.
    private var lastSent: [UInt32] = []

    init(intervalNanoseconds: UInt64) {
        interval = UInt32(clamping: max(intervalNanoseconds / Self.tickNanoseconds, 4))
        period = interval / Self.visitsPerInterval
    }

    /// Ticks begin now.
    mutating func start(at time: UInt64) { tick = Self.tick(of: time) }

    /// The first heartbeats of viewers who come at once are spread over the whole interval.
    mutating func add(_ viewer: ViewerID, at time: UInt64) {
        if lastSent.count <= Int(viewer) {
            lastSent += repeatElement(0, count: Int(viewer) + 1 - lastSent.count)
        }
        let share = viewer / period % Self.visitsPerInterval
        lastSent[Int(viewer)] = Self.tick(of: time) &- share * period
    }

    /// Something was written to a viewer. Called once for each write, so it reads no clock.
    @inline(__always)
    mutating func sent(to viewer: ViewerID) { lastSent[Int(viewer)] = tick }

    /// Visits the viewers of all ticks up to `time`. Numbers that belong to nobody are visited too.
    ///
    /// - Parameter visit: `isDue`: a heartbeat is due now, and counts as sent.
    mutating func advance(to time: UInt64, visit: (ViewerID, _ isDue: Bool) -> Void) {
        let now = Self.tick(of: time)
        // After a long pause every viewer is visited once.
        let passed = min(now &- tick, period)
        tick = now
        for distance in (0..<passed).reversed() {
            for viewer in stride(from: Int((now &- distance) % period), to: lastSent.count, by: Int(period)) {
                let isDue = tick &- lastSent[viewer] > interval - period
                if isDue { lastSent[viewer] = tick }
                visit(ViewerID(viewer), isDue)
            }
        }
    }

    private static func tick(of time: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: time / tickNanoseconds) }
}
