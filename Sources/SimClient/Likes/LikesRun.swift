internal import Audience
internal import Primitives
internal import SocketLoop

/// One run of `likes`, from the first connect to the report.
struct LikesRun: Sendable {
    private typealias Viewers = ViewerLoop<PhotoFeed>
    private typealias Likers = Sender<LikeSource>

    let settings: LikesCommand
    private let viewerBoard = Board(Viewers.Seen())
    private let likerBoard = Board(Likers.Seen(source: LikeSource.Snapshot()))

    private static let connectSeconds = 60.0

    init(_ settings: LikesCommand) { self.settings = settings }

    /// Runs to the end; the exit status.
    func run() async -> Int32 {
        await Generator.run {
            let (settings, viewerBoard, likerBoard) = (settings, viewerBoard, likerBoard)
            let services = try ServerDirectory(resolving: settings.likeAPI)
            var viewing = ViewerSettings(
                viewers: settings.viewers,
                readers: try ServerDirectory(resolving: settings.viewers > 0 ? settings.readers : []))
            viewing.seed = settings.seed
            let likers = try SocketLoop(settings: .init(name: "likes")) {
                Likers(settings.makeSource(), to: services, connections: settings.connections, board: likerBoard)
            }
            let viewers = try SocketLoop(settings: .init(name: "viewers", limits: .init(socketsMax: 1 << 18))) {
                [viewing] in
                let feed = PhotoFeed(
                    photos: settings.photoIDs, viewers: settings.viewers, photosEach: settings.photosEach)
                return Viewers(viewing, feed: feed, board: viewerBoard)
            }
            likers.start()
            viewers.start()
            likers.call { $0.open($1) }
            if settings.viewers > 0 { viewers.call { $0.start($1) } }
            let outcome: Result<Int32, any Error>
            do { outcome = .success(try await phases(likers, viewers)) } catch { outcome = .failure(error) }
            await likers.stop()
            await viewers.stop()
            return try outcome.get()
        }
    }

    private func phases(_ likers: SocketLoop<Likers>, _ viewers: SocketLoop<Viewers>) async throws -> Int32 {
        var orders = settings.coordinate ? GeneratorOrders() : nil
        try await connect()
        try await orders?.wait { $0 == .start ? true : nil }
        let before = LoadWindow(viewers: viewers, publisher: likers)
        try await like(likers, &orders)
        let load = LoadWindow(viewers: viewers, publisher: likers) - before
        guard let result = await likers.ask({ likers, _ in likers.source.result }) else { throw RunFailure.loopSilent }
        if settings.viewers > 0 {
            let counts = result.photos.map { Int64($0.likes) }
            viewers.call { viewers, _ in viewers.feed.expect(counts) }
            _ = await Waiting.wait(seconds: settings.settleTimeout) { viewerBoard.now.feed?.wrong == 0 }
            try Task.checkInterrupted()
        }
        guard let seen = await viewers.ask({ viewers, _ in viewers.feed.report(viewers.viewers.tally) }) else {
            throw RunFailure.loopSilent
        }
        return present(report(result, seen, load))
    }

    private func connect() async throws {
        _ = await Waiting.wait(seconds: Self.connectSeconds) {
            viewerBoard.now.tally.watching == settings.viewers && likerBoard.now.idle == settings.connections
        }
        try Task.checkInterrupted()
        let watching = viewerBoard.now.tally.watching
        if watching == 0, settings.viewers > 0 {
            throw RunFailure.noViewerConnected("\(viewerBoard.now.tally.attempts) attempts")
        }
        tell(LikesMessage(event: .connected, viewers: watching, failed: settings.viewers - watching))
    }

    /// Until everybody has come and is done; led by somebody, until `stop`.
    private func like(_ likers: SocketLoop<Likers>, _ orders: inout GeneratorOrders?) async throws {
        likers.call { $0.source.begin(now: $1.now) }
        let progress = Task { await tellProgress() }
        defer { progress.cancel() }
        if settings.users > 0 {
            _ = await Waiting.wait(seconds: .infinity) {
                let seen = likerBoard.now.source
                return seen.usersStarted >= settings.users && seen.underWay == 0
            }
        } else if settings.coordinate {
            try await orders?.wait { $0 == .stop ? true : nil }
        } else {
            _ = await Waiting.sleep(settings.duration)
        }
        _ = await likers.ask { likers, _ in likers.source.end() }
        try Task.checkInterrupted()
        // The board is written after the call.
        _ = await Waiting.sleep(0.05)
        _ = await Waiting.wait(seconds: settings.settleTimeout) { likerBoard.now.source.underWay == 0 }
    }

    private func tellProgress() async {
        let start = MonotonicClock.now()
        while await Waiting.sleep(0.1) {
            let now = likerBoard.now.source
            let viewers = viewerBoard.now
            var message = LikesMessage(event: .progress)
            message.second = Double(MonotonicClock.now() - start) / 1e9
            message.acknowledged = now.requests.acknowledged
            message.refused = now.requests.refused
            message.unanswered = now.requests.unanswered
            message.users = now.usersStarted
            message.underWay = now.underWay
            message.updates = viewers.feed?.updates ?? 0
            message.watching = viewers.tally.watching
            tell(message)
        }
    }

    private func tell(_ message: LikesMessage) {
        if settings.coordinate { StandardOutput.write(message.line) }
    }

    private func report(_ result: LikeSource.Result, _ seen: LikeSwarmReport.Viewers, _ load: LoadWindow)
        -> LikeSwarmReport
    {
        let usage = ResourceUsage.now()
        return LikeSwarmReport(
            journeys: settings.journeys, requests: result.requests, latency: result.latency,
            photos: Dictionary(zip(settings.photoIDs, result.photos)) { first, _ in first }, viewers: seen,
            process: LikeSwarmReport.Process(
                cpuSeconds: usage.cpuSeconds, senderBusyShare: load.publisherBusyShare,
                viewersBusyShare: load.viewersBusyShare, residentBytesMax: usage.residentBytesMax),
            generatorLimited: load.isLimit)
    }

    private func present(_ report: LikeSwarmReport) -> Int32 {
        if settings.coordinate {
            StandardOutput.write(LikesMessage.report(report).line)
        } else {
            StandardOutput.write(JSONLine.text(report, pretty: true))
        }
        let isClean = report.viewers.wrong == 0 && report.viewers.malformed == 0 && report.requests.unfinished == 0
        return isClean ? ExitStatus.fine : ExitStatus.auditFailed
    }
}
