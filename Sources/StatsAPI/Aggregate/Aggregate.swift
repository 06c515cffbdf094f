internal import Wire

/// Everything that processes reported, and what follows from it. Pure: the time of receipt is a parameter, measured
/// from any fixed moment by a clock that does not go back.
struct Aggregate {
    let limits: AggregateLimits
    private(set) var refusals = AggregateRefusals()
    private(set) var channels: ChannelTable
    private(set) var readers: [String: ReaderRecord] = [:]
    private(set) var commentAPIs: [String: (report: CommentAPIReport, lastReport: Duration)] = [:]
    private(set) var clients: [String: (report: ClientReport, lastReport: Duration)] = [:]
    /// Comments received and published by instances that are gone.
    private(set) var finishedCommentAPIs: FinishedTotals
    /// Comments generated and consumed by clients that are gone.
    private(set) var finishedClients: FinishedTotals
    /// Comments published since the start, by channel id. Each entry holds its channel.
    private(set) var published: [Int32: Int] = [:]
    /// Comments published on channels that did not fit.
    private(set) var publishedElsewhere = 0

    init(limits: AggregateLimits = AggregateLimits()) {
        self.limits = limits
        channels = ChannelTable(channelsMax: limits.channelsMax)
        finishedCommentAPIs = FinishedTotals(limit: limits.finishedMax)
        finishedClients = FinishedTotals(limit: limits.finishedMax)
    }

    /// Takes what a Reader reports; asks for a full report when this one does not continue what is held.
    mutating func accept(_ report: ReaderReport, at now: Duration) -> ReportAcknowledgement {
        expire(at: now)
        let isKnown = readers[report.instanceId] != nil
        guard hasRoom(for: report.instanceId, isKnown: isKnown, readers.count, limits.readersMax) else {
            return refused()
        }
        var record = readers.removeValue(forKey: report.instanceId) ?? ReaderRecord(report, at: now, limits: limits)
        let answer = record.accept(report, at: now, channels: &channels, limits: limits, refusals: &refusals)
        readers[report.instanceId] = record
        return answer
    }

    /// Takes what a CommentAPI reports. A new session is another process: the totals of the old one stay counted.
    mutating func accept(_ report: CommentAPIReport, at now: Duration) -> ReportAcknowledgement {
        expire(at: now)
        let known = commentAPIs[report.instanceId]?.report
        guard hasRoom(for: report.instanceId, isKnown: known != nil, commentAPIs.count, limits.commentAPIsMax),
            report.session.utf8.count <= limits.nameLengthMax
        else { return refused() }
        if let known, known.session != report.session { finish(known) }
        finishedCommentAPIs.resume(Aggregate.key(report))
        countPublished(report)
        commentAPIs[report.instanceId] = (report.sane(limits), now)
        return ReportAcknowledgement()
    }

    /// Takes what a client reports. Totals that fall show a new client under an old name.
    mutating func accept(_ report: ClientReport, at now: Duration) -> ReportAcknowledgement {
        expire(at: now)
        let report = report.sane()
        let known = clients[report.clientId]?.report
        guard hasRoom(for: report.clientId, isKnown: known != nil, clients.count, limits.clientsMax) else {
            return refused()
        }
        if let known, Aggregate.isRestart(from: known, to: report) {
            restarts += 1
            finishedClients.finish("\(known.clientId) \(restarts)", Aggregate.totals(known))
        }
        finishedClients.resume(report.clientId)
        clients[report.clientId] = (report, now)
        return ReportAcknowledgement()
    }

    /// Forgets who was silent for too long. What they did stays counted.
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
        for (id, entry) in clients where entry.lastReport < oldest {
            clients[id] = nil
            finishedClients.finish(id, Aggregate.totals(entry.report))
        }
    }

    /// Tables are walked a few times a second at most, however many reports come.
    private var lastExpiry = Duration.seconds(-1)
    /// Clients that began anew under an old name.
    private var restarts = 0

    private mutating func countPublished(_ report: CommentAPIReport) {
        publishedElsewhere += report.publishedElsewhere.sane
        for (name, reported) in report.publishedByChannel where reported > 0 {
            let count = reported.sane
            if let id = channels.id(of: name), published[id] != nil {
                published[id, default: 0] += count
            } else if let id = channels.hold(name) {
                published[id] = count
            } else {
                refusals.channels += 1
                publishedElsewhere += count
            }
        }
    }

    private mutating func finish(_ report: CommentAPIReport) {
        finishedCommentAPIs.finish(
            Aggregate.key(report),
            .init(first: report.totalCommentsReceived, second: report.totalCommentsPublished))
    }

    private mutating func refused() -> ReportAcknowledgement {
        refusals.reports += 1
        return ReportAcknowledgement(success: false)
    }

    private func hasRoom(for name: String, isKnown: Bool, _ count: Int, _ limit: Int) -> Bool {
        isKnown || (count < limit && name.utf8.count <= limits.nameLengthMax)
    }

    private static func key(_ report: CommentAPIReport) -> String { "\(report.instanceId) \(report.session)" }

    private static func totals(_ report: ClientReport) -> FinishedTotals.Totals {
        .init(first: report.commentsGenerated, second: report.commentsConsumed)
    }

    private static func isRestart(from old: ClientReport, to new: ClientReport) -> Bool {
        new.commentsGenerated < old.commentsGenerated || new.commentsConsumed < old.commentsConsumed
    }
}
