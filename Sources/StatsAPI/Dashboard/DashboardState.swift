internal import Wire

/// What the dashboard shows, once an interval. A few kilobytes, however many channels there are.
struct DashboardState: Encodable {
    static let readersMax = 64
    static let hottestMax = 20

    struct Reader: Encodable {
        var id: String
        var url: String?
        var placement: String?
        /// Its row of the map; `nil` beyond the map's rows.
        var slot: Int?
        var channels: Int
        var extra: Int
        var connections: Int
        var connectionsTotal: Int
        var received: Int
        var sent: Int
        var notRedirected: Int
        var refusals: [String: Int]
        var disconnects: [String: Int]
        var secondsSinceReport: Double
    }

    struct Hot: Encodable {
        var name: String
        /// Its column of the map.
        var column: Int
        var viewers: Int
        var readers: Int
        var published: Int
    }

    struct Latency: Encodable {
        /// Seconds.
        var p50: Double
        var p99: Double
        var p999: Double
        var count: Int
        /// Over which it was measured.
        var seconds: Int
        /// In words: from when to when, and whose clocks.
        var clock: String

        init(_ times: DurationHistogram) {
            func quantile(_ part: Double) -> Double { min(times.quantile(part) ?? 0, 100) }
            (p50, p99, p999) = (quantile(0.5), quantile(0.99), quantile(0.999))
            count = Int(clamping: times.count)
            seconds = RecentDurations.seconds
            clock = "From the comment's timestamp (CommentAPI's clock) to the last viewer's write (the Reader's clock)"
        }
    }

    struct Likes: Encodable {
        var changed: Int
        var recorded: Int
        var backlog: Int?
        var lagSeconds: Double?
        var refusals: [String: Int]
    }

    /// By viewers: their mean, what was measured, what random placement leads to, and how many channels that is.
    typealias Point = [Double]

    /// RFC 3339.
    var time: String
    /// Of StatsAPI: another one starts anew, its map too.
    var session: String
    /// Time from one state to the next.
    var intervalMilliseconds: Int

    // The same numbers as in ``Wire/Statistics/SubscriptionSpread``.
    var channels: Int
    var subscriptions: Int
    var extraSubscriptions: Int
    var meanShare: Double?
    var minShare: Double?
    var maxShare: Double?
    var predictedShare: Double?
    /// One standard deviation of `meanShare` under random placement.
    var predictedDeviation: Double?
    var amplification: Double?
    var weightedAmplification: Double?
    var wastedShare: Double?

    var connections: Int
    var received: Int
    var published: Int
    var readers: [Reader]
    var readersTotal: Int
    var hottest: [Hot]
    var curve: [Point]
    /// Of CommentAPIs, by code.
    var refusals: [String: Int]
    /// `nil` when no LikeAPI reports.
    var likes: Likes?
    /// `nil` when nothing was delivered in the last minute.
    var latency: Latency?
    var mapVersion: Int
    /// Bytes of the map that follow with the next changes.
    var mapBehind: Int
}

extension DashboardState {
    init(
        _ aggregate: inout Aggregate, at now: Duration, time: String, session: String, interval: Duration,
        map: SubscriptionMap
    ) {
        aggregate.expire(at: now)
        let counts = SubscriptionCounts(aggregate)
        let spread = aggregate.spread(counts: counts, redis: nil, listMax: 0)
        let random = RandomPlacement(aggregate.channels, readers: aggregate.readers.count)
        let all = aggregate.sortedReaders
        let slots = Dictionary(
            uniqueKeysWithValues: map.rows.enumerated().compactMap { slot, row in row.map { ($0.reader, slot) } })
        self.time = time
        self.session = session
        intervalMilliseconds = Int(interval / .milliseconds(1))
        channels = spread.channels
        subscriptions = spread.subscriptions
        extraSubscriptions = spread.extraSubscriptions
        (meanShare, minShare, maxShare) = (spread.meanShare, spread.minShare, spread.maxShare)
        (predictedShare, predictedDeviation) = (random?.share, random?.deviation)
        (amplification, weightedAmplification) = (spread.amplification, spread.weightedAmplification)
        wastedShare = spread.wastedShare
        connections = all.reduce(0) { $0 + $1.report.activeConnections }
        (received, published) = aggregate.comments
        readers = all.prefix(Self.readersMax).map { Reader($0, slot: slots[$0.report.instanceId], at: now) }
        readersTotal = all.count
        hottest = aggregate.hottest(Self.hottestMax)
        curve = (random?.curve ?? []).map {
            [$0.viewers.rounded(2), $0.measured.rounded(5), $0.predicted.rounded(5), Double($0.channels)]
        }
        refusals = aggregate.commentAPIs.values.reduce(into: [:]) { sum, api in
            sum.merge(api.report.refusals, uniquingKeysWith: +)
        }
        likes = aggregate.likes
        latency = aggregate.recentDeliveryTimes(at: now).map(Latency.init)
        mapVersion = map.version
        mapBehind = map.behind
    }
}

extension DashboardState.Reader {
    init(_ record: ReaderRecord, slot: Int?, at now: Duration) {
        let report = record.report
        id = report.instanceId
        url = report.publicUrl
        placement = report.placement
        self.slot = slot
        channels = record.subscribed.count
        extra = report.extraSubscriptions ?? 0
        connections = report.activeConnections
        connectionsTotal = report.totalConnections
        received = report.totalMessagesReceived
        sent = report.totalMessagesSent
        notRedirected = report.notRedirected ?? 0
        refusals = report.refusals
        disconnects = report.disconnects
        secondsSinceReport = (now - record.lastReport).seconds.rounded(2)
    }
}

extension Aggregate {
    /// Of all LikeAPIs; `nil` when none has reported.
    var likes: DashboardState.Likes? {
        let finished = finishedLikeAPIs.sum
        guard !likeAPIs.isEmpty || finished.first > 0 else { return nil }
        let reports = likeAPIs.values.map(\.report)
        return DashboardState.Likes(
            changed: reports.reduce(finished.first) { $0 + $1.changed },
            recorded: reports.reduce(finished.second) { $0 + $1.recorded },
            backlog: reports.compactMap(\.backlog).max(), lagSeconds: reports.compactMap(\.lagSeconds).max(),
            refusals: reports.reduce(into: [:]) { $0.merge($1.refusals, uniquingKeysWith: +) })
    }

    /// Comments received and published, those of instances that are gone included.
    var comments: (received: Int, published: Int) {
        commentAPIs.values.reduce((finishedCommentAPIs.sum.first, finishedCommentAPIs.sum.second)) {
            ($0.0 + $1.report.totalCommentsReceived, $0.1 + $1.report.totalCommentsPublished)
        }
    }

    /// The channels with the most viewers, most first.
    func hottest(_ count: Int) -> [DashboardState.Hot] {
        var top: [(id: Int, viewers: Int)] = []
        for (id, viewers) in channels.viewers.enumerated() where viewers > top.last?.viewers ?? 0 || top.count < count {
            guard viewers > 0 else { continue }
            top.insert((id, viewers), at: top.firstIndex { $0.viewers < viewers } ?? top.count)
            if top.count > count { top.removeLast() }
        }
        return top.map { id, viewers in
            DashboardState.Hot(
                name: channels.name(of: id), column: id, viewers: viewers, readers: Int(channels.readers[id]),
                published: published[id] ?? 0)
        }
    }
}

extension Double {
    /// With so many digits after the point: what more there is costs bytes and says nothing.
    func rounded(_ digits: Int) -> Double {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        return (self * scale).rounded() / scale
    }
}
