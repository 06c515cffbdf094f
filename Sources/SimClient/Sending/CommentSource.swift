internal import Audience
internal import DequeModule
internal import Primitives
internal import SocketLoop
internal import Wire

/// A comment that is to be written now.
struct Draft: Equatable, Sendable {
    /// The channel's number in the audience.
    var channel: Int
    var userid: String
    var videoid: String
    /// `nil`: a simulated text with the time of sending.
    var text: String?
    /// When it was due, monotonic nanoseconds; `nil`: now.
    var due: UInt64?
}

/// Comments for CommentAPI.
///
/// Open loop: what comes in goes out at once, or is counted as dropped. Nothing waits for a free connection, since a
/// comment that is written late would hide how slow the service was. With a ``ClosedLoop`` that loop says what is written,
/// and waits.
struct CommentSource: RequestSource {
    struct Work: Sendable {
        var comment: CommentRequest
        var channel: Int
        var number: Int
        var digest: UInt64
        /// µs since 1970.
        var sent: Int64
    }

    var shard = 0
    /// Bytes of a simulated text.
    var commentBytes = CommentText.bytesDefault
    /// Keeps the number of each comment that was acknowledged or stored.
    var remembers = false
    var streamProtocol = StreamProtocol.chorus
    /// Writes as fast as viewers get it, instead of what is handed over.
    var closedLoop: ClosedLoop?
    private(set) var tally = PublishTally()
    private var drafts: Deque<Draft> = []
    private var number = 0

    mutating func publish(_ new: [Draft]) {
        tally.offered += new.count
        drafts.append(contentsOf: new)
    }

    mutating func next(now: UInt64) -> Work? {
        guard let draft = drafts.popFirst() ?? nextOfClosedLoop() else { return nil }
        number += 1
        tally.started += 1
        let sent = CommentSource.sendTime(draft)
        let text = draft.text ?? CommentText.text(shard: shard, number: number, sent: sent, bytes: commentBytes)
        return Work(
            comment: CommentRequest(userid: draft.userid, videoid: draft.videoid, comment: text),
            channel: draft.channel, number: number, digest: CommentText.digest(of: text), sent: sent.at)
    }

    private mutating func nextOfClosedLoop() -> Draft? {
        let draft = closedLoop?.next()
        if draft != nil { tally.offered += 1 }
        return draft
    }

    mutating func cannotWait() {
        tally.dropped += drafts.count
        drafts.removeAll(keepingCapacity: true)
    }

    private static func sendTime(_ draft: Draft) -> CommentText.SendTime {
        let now = MonotonicClock.now()
        let late = draft.due.map { Int64(now - min($0, now)) / 1000 } ?? 0
        return CommentText.SendTime(at: WallClock.microseconds(), late: late)
    }

    func request(_ work: Work, to endpoint: Endpoint) -> [UInt8] {
        RequestText.comment(work.comment, namesChannel: streamProtocol == .plain, to: endpoint)
    }

    mutating func answered(_ work: Work, _ answer: RequestPool<Work>.Answer?, now: UInt64) {
        let before = tally.acknowledged
        if let answer, streamProtocol == .plain {
            tally.answeredPlainly(status: answer.status, channel: work.channel, digest: work.digest)
        } else {
            tally.answered(
                answer.map { PublishOutcome(status: $0.status, body: $0.body) } ?? .unknown, channel: work.channel,
                digest: work.digest, number: remembers ? work.number : nil, sent: work.sent,
                microseconds: WallClock.microseconds())
        }
        if tally.acknowledged == before { closedLoop?.failed(work.channel) }
    }

    mutating func tick() { closedLoop?.retry() }

    /// Without the channels, which only ``tally`` has.
    var snapshot: PublishTally { tally.withoutChannels }
}
