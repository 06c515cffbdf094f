/// Says when all viewers of a channel have a comment, so that a closed loop can write the next one.
///
/// A comment that one viewer never gets is never complete, and so are the ones behind it: the loop then stands still, and
/// the audit says why.
struct ChannelWindow: Sendable {
    /// Comments that are told apart; far more than can be under way. An offset beyond them begins anew: a restart.
    static let spanMax = 1 << 16

    let viewers: Int
    /// The oldest comment that somebody may lack; `nil` before the first.
    private var next: UInt64?
    /// How many viewers have each comment from `next` on, as differences to the comment before: one viewer's run of
    /// comments costs two additions. One longer than the comments, or empty.
    private var steps: [Int] = []

    init(viewers: Int) {
        self.viewers = viewers
    }

    /// One viewer got the comments of `offsets`.
    mutating func received(_ offsets: ClosedRange<UInt64>) {
        var base = next ?? offsets.lowerBound
        guard offsets.upperBound >= base else { return }
        if offsets.upperBound - base >= UInt64(ChannelWindow.spanMax) {
            base = max(offsets.lowerBound, offsets.upperBound - UInt64(ChannelWindow.spanMax) + 1)
            steps = []
        }
        next = base
        let low = Int(max(offsets.lowerBound, base) - base)
        let high = Int(offsets.upperBound - base)
        if steps.count < high + 2 { steps.append(contentsOf: repeatElement(0, count: high + 2 - steps.count)) }
        steps[low] += 1
        steps[high + 1] -= 1
    }

    /// How many comments became complete since the last call.
    mutating func takeCompleted() -> Int {
        guard let first = next, viewers > 0 else { return 0 }
        var reached = 0
        var sum = 0
        while reached + 1 < steps.count, sum + steps[reached] >= viewers {
            sum += steps[reached]
            reached += 1
        }
        guard reached > 0 else { return 0 }
        steps.removeFirst(reached)
        steps[0] += sum
        next = first + UInt64(reached)
        return reached
    }
}
