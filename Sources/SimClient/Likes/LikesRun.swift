internal import Audience
internal import Primitives
internal import Report
internal import SocketLoop

/// One run of `likes`, from the first connect to the report.
struct LikesRun: Sendable {
    private typealias Viewers = ViewerLoop<PhotoFeed>
    private typealias Likers = Sender<LikeSource>

    let settings: LikesCommand
    private let viewersSeen = Locked(Viewers.Seen())
    private let likersSeen = Locked(Likers.Seen(source: LikeSource.Snapshot()))

    private static let connectSeconds = 60.0

    init(_ settings: LikesCommand) { self.settings = settings }

    /// Runs to the end; the exit status.
    func run() async -> ExitStatus {
        await Generator.run {
            let (settings, viewersSeen, likersSeen) = (settings, viewersSeen, likersSeen)
            let services = try ServerDirectory(resolving: settings.likeAPI)
            var viewing = ViewerSettings(
                viewers: settings.viewers,
                readers: try ServerDirectory(resolving: settings.viewers > 0 ? settings.readers : []))
            viewing.seed = settings.seed
            let likers = try SocketLoop(settings: .init(name: "likes")) {
                Likers(settings.makeSource(), to: services, connections: settings.connections, shared: likersSeen)
            }
            let viewers = try SocketLoop(settings: .init(name: "viewers", limits: .init(socketsMax: 1 << 18))) {
                [viewing] in
                let feed = PhotoFeed(
                    photos: settings.photoIDs, viewers: settings.viewers, photosEach: settings.photosEach)
                return Viewers(viewing, feed: feed, shared: viewersSeen)
            }
            likers.start()
            viewers.start()
            likers.call { $0.open($1) }
            if settings.viewers > 0 { viewers.call { $0.start($1) } }
            let outcome: Result<ExitStatus, any Error>
            do { outcome = .success(try await phases(likers, viewers)) } catch { outcome = .failure(error) }
            await likers.stop()
            await viewers.stop()
            return try outcome.get()
        }
    }

    private func phases(_ likers: SocketLoop<Likers>, _ viewers: SocketLoop<Viewers>) async throws -> ExitStatus {
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
            try await Polling.until(atMost: .seconds(settings.settleTimeout)) { viewersSeen.value.feed?.wrong == 0 }
        }
        guard let seen = await viewers.ask({ viewers, _ in viewers.feed.report(viewers.viewers.tally) }) else {
            throw RunFailure.loopSilent
        }
        return present(report(result, seen, load))
    }

    private func connect() async throws {
        try await Polling.until(atMost: .seconds(Self.connectSeconds)) {
            viewersSeen.value.tally.watching == settings.viewers && likersSeen.value.idle == settings.connections
        }
        let watching = viewersSeen.value.tally.watching
        if watching == 0, settings.viewers > 0 {
            throw RunFailure.noViewerConnected("\(viewersSeen.value.tally.attempts) attempts")
        }
        tell(LikesMessage(event: .connected, viewers: watching, failed: settings.viewers - watching))
    }

    /// Until everybody has come and is done; led by somebody, until `stop`.
    private func like(_ likers: SocketLoop<Likers>, _ orders: inout GeneratorOrders?) async throws {
        likers.call { $0.source.begin(now: $1.now) }
        let progress = Task { await tellProgress() }
        defer { progress.cancel() }
        if settings.users > 0 {
            try await Polling.until(atMost: .seconds(1e9)) {
                let seen = likersSeen.value.source
                return seen.usersStarted >= settings.users && seen.underWay == 0
            }
        } else if settings.coordinate {
            try await orders?.wait { $0 == .stop ? true : nil }
        } else {
            try await Task.sleep(for: .seconds(settings.duration))
        }
        _ = await likers.ask { likers, _ in likers.source.end() }
        // It is shown after the call.
        try await Task.sleep(for: .milliseconds(50))
        try await Polling.until(atMost: .seconds(settings.settleTimeout)) { likersSeen.value.source.underWay == 0 }
    }

    private func tellProgress() async {
        let start = MonotonicClock.now()
        while await Polling.pause(.milliseconds(100)) {
            let now = likersSeen.value.source
            var state = LikesMessage.LikesState()
            state.seconds = Double(MonotonicClock.now() - start) / 1e9
            state.acknowledged = now.requests.acknowledged
            state.refused = now.requests.refused
            state.unanswered = now.requests.unanswered
            state.underWay = now.underWay
            state.updates = viewersSeen.value.feed?.updates ?? 0
            tell(.progress(state))
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

    private func present(_ report: LikeSwarmReport) -> ExitStatus {
        if settings.coordinate {
            StandardOutput.write(LikesMessage.report(report).line)
        } else {
            StandardOutput.write(JSONLine.text(report, pretty: true))
        }
        let isClean = report.viewers.wrong == 0 && report.viewers.malformed == 0 && report.requests.unfinished == 0
        return isClean ? .fine : .auditFailed
    }
}
