internal import Audience
internal import Primitives
internal import SocketLoop
internal import Wire

internal import struct Synchronization.Atomic

/// The two loops of a swarm, and what is asked of them from outside.
struct SwarmStage: Sendable {
    struct Usage: Sendable {
        var at: UInt64
        var viewersBusy: UInt64
        var publisherBusy: UInt64
        var ticks: Int
        var lateTicks: Int
    }

    let settings: SwarmSettings
    let crowdBoard = CrowdBoard()
    let publisherBoard = Publisher.Board()
    private let viewers: SocketLoop<CrowdLoop>
    private let publisher: SocketLoop<Publisher>

    /// How often a board is looked at while something is awaited.
    private static let pollMilliseconds = 10
    /// Longer than a publisher waits for one answer.
    private static let answerNanoseconds: UInt64 = 11_000_000_000
    private static let openSeconds = 5.0

    init(_ settings: SwarmSettings) throws(SwarmRun.Failure) {
        self.settings = settings
        do {
            let directory = try ServerDirectory(resolving: settings.readers)
            let crowd = SwarmStage.crowdSettings(settings, directory)
            let publishing = try SwarmStage.publisherSettings(settings)
            let (crowdBoard, publisherBoard) = (crowdBoard, publisherBoard)
            let publisher = try SocketLoop(
                settings: .init(name: "publisher", mailboxWeightMax: 2 * SwarmLoad.underWayMax)
            ) { Publisher(settings: publishing, board: publisherBoard) }
            self.publisher = publisher
            viewers = try SocketLoop(
                settings: .init(
                    name: "viewers", limits: .init(socketsMax: 1 << 20), mailboxWeightMax: 1 << 20,
                    receiveBytes: 256 << 10)
            ) {
                CrowdLoop(settings: crowd, board: crowdBoard) { channels in
                    // Never more than are under way, which the mailbox has room for.
                    _ = publisher.submit(.completed(channels), weight: channels.count)
                }
            }
        } catch let error as SocketAddress.Unresolvable {
            throw .unresolvable(error.description)
        } catch {
            throw .noDescriptor("\(error)")
        }
    }

    private static func crowdSettings(_ settings: SwarmSettings, _ readers: ServerDirectory) -> CrowdSettings {
        var crowd = CrowdSettings(audience: settings.audience, shard: settings.shard, readers: readers)
        crowd.placement = settings.placement
        crowd.connectsInProgressMax = settings.connectsInProgress
        crowd.silenceSeconds = UInt32(settings.silenceSeconds)
        crowd.slowShare = settings.slowShare
        crowd.limits.firstAtOnce = settings.reconnectsAtOnce
        crowd.streamProtocol = settings.streamProtocol
        crowd.reportsCompletion = settings.window > 0
        crowd.knowsAllWritten = settings.publishes == .comments && (settings.coordinates || settings.shard.count == 1)
        return crowd
    }

    private static func publisherSettings(_ settings: SwarmSettings) throws(SocketAddress.Unresolvable)
        -> PublisherSettings
    {
        PublisherSettings(
            services: try ServerDirectory(resolving: settings.commentAPIs),
            connections: settings.publishConnections, shard: settings.shard.index,
            commentBytes: settings.commentBytes, remembers: settings.isDrill, streamProtocol: settings.streamProtocol,
            closedLoop: settings.window > 0 ? ClosedLoop(audience: settings.audience, window: settings.window) : nil,
            statistics: try SwarmStage.statistics(settings))
    }

    private static func statistics(_ settings: SwarmSettings) throws(SocketAddress.Unresolvable) -> ServerDirectory? {
        settings.statistics.isEmpty ? nil : try ServerDirectory(resolving: settings.statistics)
    }

    func start() {
        viewers.start()
        publisher.start()
    }

    func stop() async {
        await viewers.stop()
        await publisher.stop()
    }
}

// MARK: - Orders

extension SwarmStage {
    func connect() {
        viewers.submit(.connect)
        publisher.submit(.open)
    }

    func measure(afterSeconds seconds: Double) {
        let now = Int64(WallClock.nanoseconds() / 1000)
        viewers.submit(.measure(fromMicroseconds: seconds > 0 ? now + Int64(seconds * 1e6) : .min))
    }

    func beginClosedLoop() { publisher.submit(.beginClosedLoop) }

    func endClosedLoop() { publisher.submit(.endClosedLoop) }

    /// Each draft weighs 1: the mailbox holds 131,072 of them.
    func publish(_ drafts: [Draft]) -> Bool { publisher.submit(.publish(drafts), weight: drafts.count) }

    func report(_ body: [UInt8]) { publisher.submit(.report(body)) }

    /// Keeps the crowd seeking what has been acknowledged, until the task is cancelled.
    func seek() async {
        while !Task.isCancelled {
            let now = Int64(WallClock.nanoseconds() / 1000)
            if let tally: PublishTally = await LoopReply.of({ publisher.submit(.collect($0)) }) {
                viewers.submit(.seek(tally.written(settings.audience).mapValues(\.ends), microseconds: now))
            }
            guard (try? await Task.sleep(for: .milliseconds(30))) != nil else { return }
        }
    }

    func expect(_ written: [String: ChannelComments]) {
        crowdBoard.update { $0.short = nil }
        viewers.submit(.expect(written))
    }

    /// Waits until `condition` holds; `false` when it did not in time, or the task was cancelled.
    func wait(seconds: Double, until condition: (CrowdBoard.Snapshot) -> Bool) async -> Bool {
        await LoopReply.wait(seconds: seconds) { condition(crowdBoard.now) }
    }

    /// Waits until the publisher's connections stand: the first comments must not be dropped for want of one. `false`
    /// when CommentAPI did not take them all in time.
    func waitForConnections() async -> Bool {
        await LoopReply.wait(seconds: SwarmStage.openSeconds) {
            publisherBoard.idle.load(ordering: .relaxed) >= settings.publishConnections
        }
    }

    /// What became of the comments, as soon as every one was answered or will never be; `nil` when the publisher does
    /// not say. Asks through the mailbox: behind the last comments, where the board could still be in front of them.
    func finalTally() async -> PublishTally? {
        let end = MonotonicClock.now() + SwarmStage.answerNanoseconds
        while true {
            guard let tally: PublishTally = await LoopReply.of({ publisher.submit(.collect($0)) }) else { return nil }
            if tally.outstanding == 0 || MonotonicClock.now() > end { return tally }
            guard await SwarmStage.pause() else { return nil }
        }
    }

    func outcome() async -> CrowdOutcome? {
        await LoopReply.of { reply in viewers.submit(.collect(reply)) }
    }

    private static func pause() async -> Bool {
        (try? await Task.sleep(for: .milliseconds(pollMilliseconds))) != nil
    }
}

// MARK: - Load

extension SwarmStage {
    func usage() -> Usage {
        let now = crowdBoard.now
        return Usage(
            at: MonotonicClock.now(), viewersBusy: viewers.busyTimeNanoseconds,
            publisherBusy: publisher.busyTimeNanoseconds, ticks: now.ticks, lateTicks: now.lateTicks)
    }

    func load(since before: Usage) -> LoadWindow {
        let now = usage()
        return LoadWindow(
            seconds: Double(now.at - before.at) / 1e9,
            viewersBusySeconds: Double(now.viewersBusy - before.viewersBusy) / 1e9,
            publisherBusySeconds: Double(now.publisherBusy - before.publisherBusy) / 1e9,
            ticks: now.ticks - before.ticks, lateTicks: now.lateTicks - before.lateTicks)
    }
}
