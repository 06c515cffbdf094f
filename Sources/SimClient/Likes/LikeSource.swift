internal import Audience

/// Likes for LikeAPI.
struct LikeSource: RequestSource {
    struct Snapshot: Sendable {
        var requests = LikeSwarmReport.Requests()
        var underWay = 0
        var usersStarted = 0
    }

    struct Result: Sendable {
        var requests: LikeSwarmReport.Requests
        var latency: LatencyHistogram
        var photos: [LikeSwarmReport.Photo]
    }

    static let tickNanoseconds: UInt64 = 5_000_000
    private static let retryNanoseconds: UInt64 = 200_000_000

    /// The photos' ids.
    let photos: [String]
    /// People who come in all, one for each free connection; 0: by ``rate``.
    let users: Int
    /// People who come each second.
    let rate: Double
    private var ledger: LikeLedger
    private var latency = LatencyHistogram()
    private var begun: UInt64?
    private var isEnded = false
    private var lastAnswer: UInt64 = 0

    init(photos: [String], users: Int, rate: Double, ledger: LikeLedger) {
        (self.photos, self.users, self.rate, self.ledger) = (photos, users, rate, ledger)
    }

    /// People come from now on.
    mutating func begin(now: UInt64) { begun = begun ?? now }

    /// Nobody comes any more; who is there goes on to the end.
    mutating func end() { isEnded = true }

    var result: Result { Result(requests: requests, latency: latency, photos: ledger.truth()) }

    private var requests: LikeSwarmReport.Requests {
        var requests = ledger.tally
        requests.unfinished = ledger.underWay
        if let begun, lastAnswer > begun { requests.seconds = Double(lastAnswer - begun) / 1e9 }
        return requests
    }

    var snapshot: Snapshot {
        Snapshot(requests: requests, underWay: ledger.underWay, usersStarted: ledger.usersStarted)
    }

    mutating func next(now: UInt64) -> LikeLedger.Request? {
        if let request = ledger.next(now: now) { return request }
        guard begun != nil, !isEnded, ledger.tally.offered < users, ledger.arrive(now: now) else { return nil }
        return ledger.next(now: now)
    }

    /// By the clock, whatever became of those before.
    mutating func arrive(now: UInt64) {
        guard let begun, !isEnded, users == 0 else { return }
        let due = Int(Double(now - begun) / 1e9 * rate)
        while ledger.tally.offered < due { ledger.arrive(now: now) }
    }

    func request(_ work: LikeLedger.Request, to endpoint: Endpoint) -> [UInt8] {
        RequestText.like(
            work.liked, user: LikeSwarmReport.userID(work.user), photo: photos[work.photo], to: endpoint)
    }

    mutating func answered(
        _ work: LikeLedger.Request, _ answer: RequestPool<LikeLedger.Request>.Answer?, now: UInt64
    ) {
        if answer != nil { lastAnswer = now }
        if answer?.status == 200 {
            latency.record(microseconds: Int64((now - min(work.due, now)) / 1000))
            ledger.acknowledged(work, now: now)
        } else {
            ledger.failed(work, wasAnswered: answer != nil, again: now + LikeSource.retryNanoseconds)
        }
    }
}
