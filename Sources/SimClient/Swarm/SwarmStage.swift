internal import Audience
internal import Placement
internal import Primitives
internal import SocketLoop

/// The two loops of a swarm: its viewers, and who writes.
struct SwarmStage: Sendable {
    typealias Viewers = ViewerLoop<CommentFeed>
    typealias Publisher = Sender<CommentSource>

    let settings: SwarmCommand
    let audience: Audience
    let viewersSeen = Locked(Viewers.Seen())
    let publisherSeen = Locked(Publisher.Seen(source: PublishTally()))
    /// For comments.
    private let connections: Int
    /// What is replayed; `nil`: everything by chance.
    let trace: (moves: [ViewerMove], comments: [CommentArrivals.Comment])?
    let recorder: TraceRecorder?
    /// In stages: the order in which viewers of this shard come, the last of whom leave first.
    private let order: [Int]
    let viewers: SocketLoop<Viewers>
    let publisher: SocketLoop<Publisher>

    /// Longer than a publisher waits for one answer.
    private static let answerSeconds = 11.0
    private static let openingMax = Duration.seconds(5)

    init(_ settings: SwarmCommand) throws {
        self.settings = settings
        let whole = try settings.replay.map { path throws(InvalidParameter) in try Trace(reading: path) }
        let part = whole?.part(of: settings.shard)
        trace = part.map { ($0.moves, $0.comments) }
        let audience = try whole?.audience ?? settings.makeAudience()
        self.audience = audience
        recorder = settings.record == nil ? nil : TraceRecorder()
        let (viewersSeen, publisherSeen) = (viewersSeen, publisherSeen)
        let connections = settings.publish == .none ? 0 : settings.publishConnections
        self.connections = connections
        let commentAPIs = try ServerDirectory(resolving: settings.publish == .none ? [] : settings.commentAPI)
        let publisher = try SocketLoop(
            settings: .init(name: "publisher", mailboxWeightMax: 2 * SwarmCommand.underWayMax)
        ) {
            Sender(
                SwarmStage.makeSource(settings, audience), to: commentAPIs, connections: connections,
                shared: publisherSeen)
        }
        self.publisher = publisher
        var viewing = SwarmStage.makeViewing(settings, audience, try ServerDirectory(resolving: settings.readers))
        if let part { viewing.absent = Set(0..<viewing.viewers).subtracting(part.present) }
        var order = settings.isStaged ? Array(0..<viewing.viewers) : []
        var draws = Xoshiro256(seed: settings.seed, purpose: "order of viewers \(settings.shard)")
        draws.permute(&order)
        self.order = order
        if let first = settings.present { viewing.absent = Set(order.dropFirst(settings.shard.viewers(of: first))) }
        var feed = CommentFeed.Settings(audience: audience, shard: settings.shard, slow: viewing.slow)
        feed.streamProtocol = settings.protocol
        feed.recorder = recorder
        feed.knowsAllWritten = settings.publish == .comments && (settings.coordinate || settings.shard.count == 1)
        if settings.window > 0 {
            feed.completed = { channels in
                // Never more than are under way, which the mailbox has room for.
                _ = publisher.call(weight: channels.count) { sender, _ in
                    sender.source.closedLoop?.completed(channels)
                }
            }
        }
        viewers = try SocketLoop(
            settings: .init(name: "viewers", limits: .init(socketsMax: 1 << 20), receiveBytes: 256 << 10)
        ) { [feed, viewing] in ViewerLoop(viewing, feed: CommentFeed(feed), shared: viewersSeen) }
    }

    private static func makeSource(_ settings: SwarmCommand, _ audience: Audience) -> CommentSource {
        var source = CommentSource()
        source.shard = settings.shard.index
        source.commentBytes = settings.commentBytes
        source.remembers = settings.isDrill
        source.streamProtocol = settings.protocol
        source.closedLoop = settings.window > 0 ? ClosedLoop(audience: audience, window: settings.window) : nil
        return source
    }

    private static func makeViewing(
        _ settings: SwarmCommand, _ audience: Audience, _ readers: ServerDirectory
    ) -> ViewerSettings {
        var viewing = ViewerSettings(viewers: settings.shard.viewers(of: audience.total), readers: readers)
        viewing.placement = settings.placement
        viewing.transport = settings.transport
        viewing.connectsInProgressMax = settings.connectsInProgress
        viewing.silenceSeconds = UInt32(settings.silence)
        viewing.limits.firstAtOnce = settings.reconnectAtOnce
        viewing.source = settings.sourceAddress
        if settings.flashAt != nil { viewing.absent = Set(audience.crowd(of: settings.shard)) }
        viewing.seed = settings.seed ^ UInt64(settings.shard.index) << 32
        if settings.slowShare > 0 {
            var draws = Xoshiro256(seed: settings.seed, purpose: "slow viewers \(settings.shard)")
            viewing.slow = Set((0..<viewing.viewers).filter { _ in draws.unit() < settings.slowShare })
        }
        return viewing
    }

    func start() {
        viewers.start()
        publisher.start()
        viewers.call { $0.start($1) }
        publisher.call { $0.open($1) }
    }

    func stop() async {
        await viewers.stop()
        await publisher.stop()
    }

    /// Each draft weighs 1: the mailbox holds 131,072 of them.
    func publish(_ drafts: [Draft]) -> Bool {
        if let recorder {
            for draft in drafts {
                recorder.note(.comment, draft.videoid, draft.userid, at: draft.due ?? MonotonicClock.now())
            }
        }
        return publisher.call(weight: drafts.count) { sender, _ in sender.source.publish(drafts) }
    }

    /// Writes in a closed loop for so many seconds.
    func publishInClosedLoop(seconds: Double) async {
        publisher.call { sender, _ in sender.source.closedLoop?.begin() }
        _ = await Polling.pause(.seconds(seconds))
        publisher.call { sender, _ in sender.source.closedLoop?.end() }
    }

    /// Keeps the crowd seeking what has been acknowledged, until the task is cancelled.
    func seek() async {
        repeat {
            let now = WallClock.microseconds()
            guard let tally = await publisher.ask({ sender, _ in sender.source.tally }) else { return }
            let ends = tally.written(audience).mapValues(\.ends)
            viewers.call { viewers, _ in viewers.feed.seek(ends, microseconds: now) }
        } while await Polling.pause(.milliseconds(30))
    }

    /// Whether viewers come and go by themselves.
    var hasMoves: Bool { !settings.moves.isNone || trace != nil || settings.isStaged }

    /// Lets viewers come and go until the task is cancelled.
    func moveViewers(_ moves: Moves) async {
        let process: any ViewerProcess =
            if let trace { trace.moves.makeIterator() } else { ViewerMoves(moves, audience, shard: settings.shard) }
        viewers.call { $0.move(process, $1) }
        while await Polling.pause(.seconds(3600)) {}
        viewers.call { $0.move(nil, $1) }
    }

    /// So many viewers of all shards watch from now on: those who are too many leave, those who lack come.
    func hold(viewers count: Int) {
        let present = min(settings.shard.viewers(of: count), order.count)
        viewers.call { [order] viewers, sockets in
            viewers.move(order[..<present], .joins(nil), sockets)
            viewers.move(order[present...], .leaves, sockets)
        }
    }

    /// Waits until every viewer has come and has all that was written, for `seconds` at the most.
    func settle(_ written: [String: ChannelComments], seconds: Double) async throws {
        viewersSeen.update { $0.feed?.short = nil }
        viewers.call { viewers, _ in viewers.feed.expect(written) }
        try await Polling.until(atMost: .seconds(seconds)) {
            let seen = viewersSeen.value
            return seen.feed?.short == 0 && (!hasMoves || seen.unsettled == 0)
        }
    }

    /// Waits until the publisher's connections stand: the first comments must not be dropped for want of one. `false`
    /// when CommentAPI did not take them all in time.
    func waitForConnections() async throws -> Bool {
        try await Polling.until(atMost: Self.openingMax) { publisherSeen.value.idle >= connections }
    }

    /// What became of the comments, as soon as every one was answered or will never be. Asks through the mailbox: behind
    /// the last comments, where what it shows could still be in front of them.
    func finalTally() async throws -> PublishTally {
        let end = MonotonicClock.now() + UInt64(SwarmStage.answerSeconds * 1e9)
        while let tally = await publisher.ask({ sender, _ in sender.source.tally }) {
            if tally.outstanding == 0 || MonotonicClock.now() > end { return tally }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw RunFailure.loopSilent
    }

    func outcome() async throws(RunFailure) -> (tally: ViewerTally, found: CommentFeed.Outcome) {
        let outcome = await viewers.ask { [settings] viewers, _ in
            var outcome = viewers.feed.outcome(graceSeconds: settings.settleTimeout)
            outcome.counts.silent = viewers.viewers.tally.silences
            return (viewers.viewers.tally, outcome)
        }
        guard let outcome else { throw .loopSilent }
        return (outcome.0, outcome.1)
    }
}

/// How busy the generator was while it was measured, and whether that makes its figures its own.
struct LoadWindow: Equatable, Sendable {
    static let busyShareMax = 0.9
    static let lateShareMax = 0.01

    var seconds: Double
    /// Busy time of the viewers' loop and of the one that writes.
    var viewersBusySeconds: Double
    var publisherBusySeconds: Double
    /// Ticks of the viewers' loop, and those that came more than 100 ms late.
    var ticks = 0
    var lateTicks = 0

    /// What was between two times.
    static func - (now: LoadWindow, before: LoadWindow) -> LoadWindow {
        LoadWindow(
            seconds: now.seconds - before.seconds,
            viewersBusySeconds: now.viewersBusySeconds - before.viewersBusySeconds,
            publisherBusySeconds: now.publisherBusySeconds - before.publisherBusySeconds,
            ticks: now.ticks - before.ticks, lateTicks: now.lateTicks - before.lateTicks)
    }

    var viewersBusyShare: Double { seconds > 0 ? min(viewersBusySeconds / seconds, 1) : 0 }
    var publisherBusyShare: Double { seconds > 0 ? min(publisherBusySeconds / seconds, 1) : 0 }
    /// Of the busier loop: the one that would be the bottleneck.
    var busyShare: Double { max(viewersBusyShare, publisherBusyShare) }

    /// The generator was the bottleneck: a loop had hardly a pause, or did not keep its times.
    var isLimit: Bool {
        busyShare > LoadWindow.busyShareMax || Double(lateTicks) > LoadWindow.lateShareMax * Double(max(ticks, 1))
    }
}

extension LoadWindow {
    /// Since the start of two loops.
    init(viewers: SocketLoop<some SocketLoopHandler>, publisher: SocketLoop<some SocketLoopHandler>) {
        self.init(
            seconds: Double(MonotonicClock.now()) / 1e9, viewersBusySeconds: Double(viewers.busyTimeNanoseconds) / 1e9,
            publisherBusySeconds: Double(publisher.busyTimeNanoseconds) / 1e9)
    }
}
