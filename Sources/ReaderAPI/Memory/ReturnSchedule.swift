/// When freed memory goes back to the kernel: after a wave of viewers, not in the middle of it.
///
/// A connect costs some kilobytes while HTTP has it, and some hundred bytes afterwards. The allocator keeps what a wave of
/// connects left in pieces, which would otherwise count for every viewer as long as the process lives.
struct ReturnSchedule {
    /// So many connects and farewells are a wave.
    static let changesMin = 512
    /// A second with fewer of them than this part of the wave is its end.
    static let quietPart = 50

    private var seen = 0
    private var since = 0

    /// - Parameter changes: connects and farewells since the start of the process, asked for once a second.
    mutating func isDue(changes: Int) -> Bool {
        let fresh = changes - seen
        seen = changes
        since += fresh
        guard since >= ReturnSchedule.changesMin, fresh <= since / ReturnSchedule.quietPart else { return false }
        since = 0
        return true
    }
}
