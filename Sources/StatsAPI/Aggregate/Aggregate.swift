internal import Wire

/// A CommentAPI as it reports itself.
struct CommentAPIRecord {
    var report: CommentAPIReport
    var lastReport: Duration
    /// What it has reported of each video since its start, if it reports totals and no changes.
    var byVideo: [String: Int] = [:]
}

/// What all processes reported. Pure: the time of receipt is a parameter, measured from any fixed moment by a clock that
/// does not go back.
struct Aggregate {
    let limits: AggregateLimits
    private(set) var refusals = AggregateRefusals()
    private(set) var channels: ChannelTable
    private(set) var readers: [String: ReaderRecord] = [:]
    private(set) var commentAPIs: [String: CommentAPIRecord] = [:]
    private(set) var likeAPIs: [String: (report: LikeReport, lastReport: Duration)] = [:]
    /// Likes changed and stored by LikeAPIs that are gone.
    private(set) var finishedLikeAPIs: FinishedTotals
    /// From a comment's timestamp until its last viewers had it.
    private(set) var deliveryTimes = RecentDurations()
    private(set) var clients: [String: (report: ClientReport, lastReport: Duration)] = [:]
    /// Comments stored in each database, by its id. The newest report counts.
    private(set) var databases: [String: Int] = [:]
    /// Comments received, published, and published without a database by instances that are gone.
    private(set) var finishedCommentAPIs: FinishedTotals
    /// Comments generated and consumed by clients that are gone.
    private(set) var finishedClients: FinishedTotals
    /// Comments published since the start, by channel id; each entry holds a reference to its channel.
    private(set) var published: [Int: Int] = [:]
    /// Comments published on channels beyond the limit.
    private(set) var publishedElsewhere = 0

    init(limits: AggregateLimits = AggregateLimits()) {
        self.limits = limits
        channels = ChannelTable(channelsMax: limits.channelsMax)
        finishedCommentAPIs = FinishedTotals(limit: limits.finishedMax)
        finishedClients = FinishedTotals(limit: limits.finishedMax)
        finishedLikeAPIs = FinishedTotals(limit: limits.finishedMax)
    }

    /// Applies a Reader's report; asks for a full one when this one does not continue the last.
    mutating func accept(_ report: ReaderReport, at now: Duration) -> ReportAcknowledgement {
        expire(at: now)
        let isKnown = readers[report.instanceId] != nil
        guard hasRoom(isKnown: isKnown, readers.count, limits.readersMax) else { return refused() }
        measure(report, at: now)
        var record = readers.removeValue(forKey: report.instanceId) ?? ReaderRecord(report, at: now, limits: limits)
        let answer = record.accept(report, at: now, channels: &channels, limits: limits, refusals: &refusals)
        readers[report.instanceId] = record
        return answer
    }

    /// What a Reader measured since its last report. Of one that is new here but not new, nobody knows since when.
    private mutating func measure(_ report: ReaderReport, at now: Duration) {
        guard let times = report.deliveryTimes else { return }
        let known = readers[report.instanceId]?.report
        let isSame = known?.session == report.session
        guard isSame || report.sequence == 0 else { return }
        let before = isSame ? known?.deliveryTimes : nil
        if let fresh = times.since(before ?? DurationHistogram()) { deliveryTimes.add(fresh, at: now) }
    }

    /// The durations of the last minute; `nil` when there were none.
    mutating func recentDeliveryTimes(at now: Duration) -> DurationHistogram? { deliveryTimes.merged(at: now) }

    /// Applies a LikeAPI's report.
    mutating func accept(_ report: LikeReport, at now: Duration) -> ReportAcknowledgement {
        expire(at: now)
        let report = report.clamped(limits)
        let known = likeAPIs[report.instanceId]?.report
        guard hasRoom(isKnown: known != nil, likeAPIs.count, limits.likeAPIsMax) else { return refused() }
        if let known, known.session != report.session {
            finishedLikeAPIs.finish("\(known.instanceId) \(known.session)", Aggregate.totals(known))
        }
        finishedLikeAPIs.resume("\(report.instanceId) \(report.session)")
        likeAPIs[report.instanceId] = (report, now)
        return ReportAcknowledgement()
    }

    /// Applies a CommentAPI's report. A new session is a new process: the totals of the old one stay counted.
    mutating func accept(_ report: CommentAPIReport, at now: Duration) -> ReportAcknowledgement {
        expire(at: now)
        let known = commentAPIs[report.instanceId]?.report
        guard hasRoom(isKnown: known != nil, commentAPIs.count, limits.commentAPIsMax) else { return refused() }
        var record = CommentAPIRecord(report: report.clamped(limits), lastReport: now)
        if let known, Aggregate.isRestart(from: known, to: record.report) {
            finish(known)
        } else {
            record.byVideo = commentAPIs[report.instanceId]?.byVideo ?? [:]
        }
        finishedCommentAPIs.resume(Aggregate.key(report))
        countPublished(report)
        countTotals(report.commentsByVideo ?? [:], in: &record.byVideo)
        commentAPIs[report.instanceId] = record
        remember(record.report.database)
        return ReportAcknowledgement()
    }

    /// Applies a client's report. Totals that fall mean a new client under a known name.
    mutating func accept(_ report: ClientReport, at now: Duration) -> ReportAcknowledgement {
        expire(at: now)
        let report = report.clamped()
        let known = clients[report.clientId]?.report
        guard hasRoom(isKnown: known != nil, clients.count, limits.clientsMax) else { return refused() }
        if let known, Aggregate.isRestart(from: known, to: report) {
            restarts += 1
            finishedClients.finish("\(known.clientId) \(restarts)", Aggregate.totals(known))
        }
        finishedClients.resume(report.clientId)
        clients[report.clientId] = (report, now)
        return ReportAcknowledgement()
    }

    /// Removes processes that were silent for too long. Their totals stay counted.
    mutating func expire(at now: Duration) {
        guard now - lastExpiry >= .milliseconds(200) else { return }
        lastExpiry = now
        let oldest = now - limits.silence
        for (id, record) in readers where record.lastReport < oldest {
            var record = record
            readers[id] = nil
            record.releaseAll(&channels)
        }
        for (id, entry) in commentAPIs where entry.lastReport < oldest {
            commentAPIs[id] = nil
            finish(entry.report)
        }
        for (id, entry) in likeAPIs where entry.lastReport < oldest {
            likeAPIs[id] = nil
            finishedLikeAPIs.finish("\(id) \(entry.report.session)", Aggregate.totals(entry.report))
        }
        for (id, entry) in clients where entry.lastReport < oldest {
            clients[id] = nil
            finishedClients.finish(id, Aggregate.totals(entry.report))
        }
    }

    /// The tables are searched a few times a second at most, however many reports come.
    private var lastExpiry = Duration.seconds(-1)
    /// Processes that started again under a known name.
    private var restarts = 0

    private mutating func countPublished(_ report: CommentAPIReport) {
        publishedElsewhere += report.publishedElsewhere.clamped
        for (name, reported) in report.publishedByChannel where reported > 0 {
            let count = reported.clamped
            add(count, on: name)
        }
    }

    /// Counts of a CommentAPI since its start, of which `known` are counted already.
    private mutating func countTotals(_ totals: [String: Int], in known: inout [String: Int]) {
        for (video, reported) in totals where reported > 0 {
            let total = reported.clamped
            let before = known[video] ?? 0
            guard total > before, known[video] != nil || known.count < limits.videosMax else {
                refusals.channels += total > before ? 1 : 0
                continue
            }
            known[video] = total
            add(total - before, on: "\(Channel.Kind.video.rawValue):\(video)")
        }
    }

    private mutating func add(_ count: Int, on name: String) {
        if let id = channels.id(of: name), published[id] != nil {
            published[id, default: 0] += count
        } else if let id = channels.hold(name) {
            published[id] = count
        } else {
            refusals.channels += 1
            publishedElsewhere += count
        }
    }

    /// A database stays counted when no CommentAPI is left that reports it, until another database is reported.
    private mutating func remember(_ database: CommentAPIReport.Database?) {
        guard let database, let id = database.id else { return }
        if databases[id] == nil {
            let reported = Set(commentAPIs.values.compactMap { $0.report.database?.id })
            databases = databases.filter { reported.contains($0.key) }
        }
        databases[id] = database.storedComments
    }

    private mutating func finish(_ report: CommentAPIReport) {
        restarts += 1
        finishedCommentAPIs.finish(
            // Without a session, the next process has the same key, and is another one all the same.
            report.session.isEmpty ? "\(Aggregate.key(report))\(restarts)" : Aggregate.key(report),
            .init(
                first: report.totalCommentsReceived, second: report.totalCommentsPublished,
                third: report.database == nil ? report.totalCommentsPublished : 0))
    }

    /// A report without a session continues the last one as long as its totals do not fall.
    private static func isRestart(from old: CommentAPIReport, to new: CommentAPIReport) -> Bool {
        new.session != old.session || new.session.isEmpty && new.totalCommentsReceived < old.totalCommentsReceived
    }

    private mutating func refused() -> ReportAcknowledgement {
        refusals.reports += 1
        return ReportAcknowledgement(success: false)
    }

    private func hasRoom(isKnown: Bool, _ count: Int, _ limit: Int) -> Bool { isKnown || count < limit }

    private static func key(_ report: CommentAPIReport) -> String { "\(report.instanceId) \(report.session)" }

    private static func totals(_ report: LikeReport) -> FinishedTotals.Totals {
        .init(first: report.changed, second: report.recorded)
    }

    private static func totals(_ report: ClientReport) -> FinishedTotals.Totals {
        .init(first: report.commentsGenerated, second: report.commentsConsumed)
    }

    private static func isRestart(from old: ClientReport, to new: ClientReport) -> Bool {
        new.commentsGenerated < old.commentsGenerated || new.commentsConsumed < old.commentsConsumed
    }
}
