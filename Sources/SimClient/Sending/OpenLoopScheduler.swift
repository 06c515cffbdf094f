internal import Audience
internal import Primitives
internal import SocketLoop

/// Lets comments arrive at their times, whatever became of the ones before.
struct OpenLoopScheduler: Sendable {
    /// Comments in one command. A scheduler that fell behind catches up in steps of this size.
    static let batchMax = 1024

    let audience: Audience
    /// Comments one after another: by chance, or as a trace has them.
    typealias Process = IteratorProtocol<CommentArrivals.Comment> & Sendable
    let arrivals: any Process

    /// Hands over the drafts as they fall due, for `seconds`. Returns early when the task is cancelled. `submit` gives
    /// back whether they were taken; how many were not is the result.
    func run(seconds: Double, submit: ([Draft]) -> Bool) async -> Int {
        var arrivals = arrivals
        let end = UInt64(seconds * 1e9)
        let start = MonotonicClock.now()
        var refused = 0
        var next = arrivals.next()
        while let due = next, due.nanoseconds < end {
            let elapsed = MonotonicClock.now() - start
            if due.nanoseconds > elapsed {
                guard await Polling.pause(.nanoseconds(due.nanoseconds - elapsed)) else { return refused }
                continue
            }
            var drafts: [Draft] = []
            while let comment = next, comment.nanoseconds <= elapsed, comment.nanoseconds < end,
                drafts.count < OpenLoopScheduler.batchMax
            {
                drafts.append(draft(comment, due: start + comment.nanoseconds))
                next = arrivals.next()
            }
            if !submit(drafts) { refused += drafts.count }
        }
        // The last interval counts too: the duration is not over with the last comment.
        let elapsed = MonotonicClock.now() - start
        if elapsed < end { _ = await Polling.pause(.nanoseconds(end - elapsed)) }
        return refused
    }

    private func draft(_ comment: CommentArrivals.Comment, due: UInt64) -> Draft {
        Draft(
            channel: comment.channel, userid: audience.userID(ofViewer: comment.viewer),
            videoid: audience.videoID(ofChannel: comment.channel), due: due)
    }
}
