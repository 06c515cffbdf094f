internal import Audience
internal import Glibc
internal import Primitives
internal import Report
internal import SocketLoop
internal import Wire

/// One person who watches, writes a comment now and then, and reports to StatsAPI.
struct WatchRun: Sendable {
    let settings: WatchCommand
    let say: @Sendable (String) -> Void
    /// The last comment is waited for so long before the program ends.
    private static let farewell = Duration.seconds(10)

    private let viewersSeen = Locked(ViewerLoop<WatchFeed>.Seen())
    private let senderSeen = Locked(Sender<CommentSource>.Seen(source: PublishTally()))

    init(_ settings: WatchCommand, say: @escaping @Sendable (String) -> Void) {
        self.settings = settings
        self.say = say
    }

    /// Runs until it is cancelled, gave up, or wrote the number of comments that it was to write; the exit status.
    func run() async -> ExitStatus {
        await Generator.run {
            let (settings, say, viewersSeen, senderSeen) = (settings, say, viewersSeen, senderSeen)
            let viewing = ViewerSettings(
                viewers: 1, readers: try ServerDirectory(resolving: settings.readers), transport: settings.transport)
            let commentAPIs = try ServerDirectory(resolving: settings.commentAPI)
            let statistics = try StatisticsReporter(to: settings.statsAPI) { report() }
            let viewer = try SocketLoop(settings: .init(name: "viewer")) {
                let feed = WatchFeed(userid: settings.user ?? "", videoid: settings.video ?? "", say: say)
                return ViewerLoop(viewing, feed: feed, shared: viewersSeen)
            }
            let sender = try SocketLoop(settings: .init(name: "publisher")) {
                Sender(CommentSource(), to: commentAPIs, connections: 1, shared: senderSeen)
            }
            viewer.start()
            sender.start()
            viewer.call { $0.start($1) }
            sender.call { $0.open($1) }
            let status = await live(sender, statistics)
            await viewer.stop()
            await sender.stop()
            return status
        }
    }

    private func live(_ sender: SocketLoop<Sender<CommentSource>>, _ statistics: StatisticsReporter?) async
        -> ExitStatus
    {
        await withTaskGroup(of: ExitStatus?.self) { group in
            group.addTask { await write(sender) }
            group.addTask {
                await statistics?.run()
                return nil
            }
            group.addTask {
                while await Polling.pause(.milliseconds(200)) {
                    if viewersSeen.value.feed?.hasGivenUp == true { return .unavailable }
                }
                return nil
            }
            var status: ExitStatus?
            while let ended = await group.next() {
                status = status ?? ended
                if status != nil { group.cancelAll() }
            }
            return status ?? .interrupted
        }
    }

    /// Writes a comment every interval; the exit status when it was the last one.
    private func write(_ sender: SocketLoop<Sender<CommentSource>>) async -> ExitStatus? {
        guard settings.interval > 0 else { return nil }
        var written = 0
        var refusals = 0
        while await Polling.pause(.seconds(settings.interval)) {
            written += 1
            let draft = Draft(
                channel: 0, userid: settings.user ?? "", videoid: settings.video ?? "",
                text: "Comment \(written) from \(settings.user ?? "")")
            sender.call { sender, _ in sender.source.publish([draft]) }
            if written == settings.count { return await seeLastComment(sender) }
            let tally = senderSeen.value.source
            let now = tally.refused + tally.failed + tally.dropped
            if now > refusals { say("-- \(now - refusals) comments were not accepted") }
            refusals = now
        }
        return nil
    }

    /// Waits until the last comment has come back, as it does to everybody else.
    private func seeLastComment(_ sender: SocketLoop<Sender<CommentSource>>) async -> ExitStatus {
        let status = try? await Polling.wait(atMost: Self.farewell, every: .milliseconds(50)) { () -> ExitStatus? in
            guard let tally = await sender.ask({ sender, _ in sender.source.tally }), tally.outstanding == 0 else {
                return nil
            }
            if tally.channels.isEmpty { return .unavailable }
            guard let last = tally.channels[0]?.ends.last, let seen = viewersSeen.value.feed?.position else {
                return nil
            }
            return seen.epoch == last.epoch && seen.offset >= last.offset ? .fine : nil
        }
        return status ?? .auditFailed
    }

    private func report() -> ClientReport {
        let seen = viewersSeen.value
        return ClientReport(
            clientId: "\(settings.user ?? "")-\(getpid())", userid: settings.user, videoid: settings.video,
            reader: seen.feed?.reader, connected: seen.tally.watching,
            commentsGenerated: senderSeen.value.source.acknowledged, commentsConsumed: seen.feed?.consumed ?? 0,
            reconnects: max(seen.tally.connects - 1, 0))
    }
}
