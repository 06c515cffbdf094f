internal import Audience
internal import Primitives
internal import SocketLoop

/// One run of `likes`, from the first connect to the report.
struct LikesRun: Sendable {
    let settings: LikesSettings
    private let orders: StandardInputLines?

    private static let connectSeconds = 60.0
    private static let tellsPerSecond = 10

    private enum Problem: Error, CustomStringConvertible {
        case noViewerConnected
        case loopSilent
        case leaderGone
        case interrupted

        var description: String {
            switch self {
            case .noViewerConnected: "no viewer could connect"
            case .loopSilent: "a loop does not answer"
            case .leaderGone: "standard input ended before its orders came"
            case .interrupted: "interrupted"
            }
        }

        var status: Int32 {
            switch self {
            case .noViewerConnected: ExitStatus.unavailable
            case .loopSilent, .leaderGone: ExitStatus.internalError
            case .interrupted: ExitStatus.interrupted
            }
        }
    }

    init(_ settings: LikesSettings) {
        self.settings = settings
        orders = settings.coordinates ? StandardInputLines() : nil
    }

    /// Runs to the end; the exit status.
    func run() async -> Int32 {
        DescriptorLimit.raise()
        do {
            let stage = try LikesStage(settings)
            stage.start()
            let outcome: Result<Int32, any Error>
            do { outcome = .success(try await play(on: stage)) } catch { outcome = .failure(error) }
            await stage.stop()
            return try outcome.get()
        } catch {
            StandardError.write("error: \(error)")
            return (error as? Problem)?.status ?? ExitStatus.unavailable
        }
    }

    private func play(on stage: LikesStage) async throws -> Int32 {
        try await connect(stage)
        var lines = orders?.lines.makeAsyncIterator()
        if orders != nil {
            guard await nextOrder("start", &lines) else { throw Task.isCancelled ? Problem.interrupted : .leaderGone }
        }
        let started = (at: MonotonicClock.now(), busy: stage.busy)
        try await like(stage, &lines)
        let now = (at: MonotonicClock.now(), busy: stage.busy)
        guard let result = await stage.outcome() else { throw Problem.loopSilent }
        try await settle(stage, result)
        guard let seen = await stage.seen() else { throw Problem.loopSilent }
        let nanoseconds = Double(max(1, now.at - started.at))
        let usage = ResourceUsage.now()
        let process = LikeSwarmReport.Process(
            cpuSeconds: usage.cpuSeconds,
            senderBusyShare: Double(now.busy.sender - started.busy.sender) / nanoseconds,
            viewersBusyShare: Double(now.busy.viewers - started.busy.viewers) / nanoseconds,
            residentBytesMax: usage.residentBytesMax)
        return present(report(result, seen, process))
    }

    private func connect(_ stage: LikesStage) async throws {
        stage.open()
        _ = await LoopReply.wait(seconds: Self.connectSeconds) {
            stage.watchersBoard.now.withLock { $0.watching } == settings.viewers
                && stage.senderBoard.now.withLock { $0.connections } == settings.connections
        }
        let watching = stage.watchersBoard.now.withLock { $0.watching }
        if Task.isCancelled { throw Problem.interrupted }
        if watching == 0, settings.viewers > 0 { throw Problem.noViewerConnected }
        tell(LikesMessage(event: "connected", viewers: watching, failed: settings.viewers - watching))
    }

    /// Until everybody has come and is done; led by somebody, until `stop`.
    private func like(_ stage: LikesStage, _ lines: inout AsyncStream<String>.Iterator?) async throws {
        stage.begin()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await tellProgress(stage) }
            if settings.users > 0 {
                _ = await LoopReply.wait(seconds: .infinity) {
                    stage.senderBoard.now.withLock { $0.usersStarted >= settings.users && $0.underWay == 0 }
                }
            } else if orders != nil {
                _ = await nextOrder("stop", &lines)
            } else {
                try? await Task.sleep(for: .seconds(settings.durationSeconds))
            }
            stage.end()
            group.cancelAll()
        }
        if Task.isCancelled { throw Problem.interrupted }
        // The board is written after the order was taken.
        try? await Task.sleep(for: .milliseconds(50))
        _ = await LoopReply.wait(seconds: settings.settleSeconds) {
            stage.senderBoard.now.withLock { $0.underWay } == 0
        }
    }

    private func settle(_ stage: LikesStage, _ result: LikeSender.Result) async throws {
        guard settings.viewers > 0 else { return }
        stage.expect(result.photos.map { Int64($0.likes) })
        _ = await LoopReply.wait(seconds: settings.settleSeconds) { stage.watchersBoard.now.withLock { $0.wrong } == 0 }
        if Task.isCancelled { throw Problem.interrupted }
    }

    private func nextOrder(_ order: String, _ lines: inout AsyncStream<String>.Iterator?) async -> Bool {
        while let line = await lines?.next() {
            if line == order { return true }
            StandardError.write("warning: not an order: \(line.prefix(200))")
        }
        return false
    }

    // MARK: Output

    private func tellProgress(_ stage: LikesStage) async {
        let start = MonotonicClock.now()
        while (try? await Task.sleep(for: .milliseconds(1_000 / Self.tellsPerSecond))) != nil {
            let now = stage.senderBoard.now.withLock { $0 }
            let viewers = stage.watchersBoard.now.withLock { $0 }
            tell(
                LikesMessage(
                    event: "progress", second: Double(MonotonicClock.now() - start) / 1e9,
                    acknowledged: now.requests.acknowledged, refused: now.requests.refused,
                    unanswered: now.requests.unanswered, users: now.usersStarted, underWay: now.underWay,
                    updates: viewers.updates, watching: viewers.watching))
        }
    }

    private func tell(_ message: LikesMessage) {
        if settings.coordinates { StandardOutput.write(JSONLine.text(message)) }
    }

    private func report(
        _ result: LikeSender.Result, _ seen: LikeSwarmReport.Viewers, _ process: LikeSwarmReport.Process
    ) -> LikeSwarmReport {
        LikeSwarmReport(
            journeys: settings.journeys, requests: result.requests, latency: result.latency,
            photos: Dictionary(zip(settings.photos, result.photos)) { first, _ in first }, viewers: seen,
            process: process,
            generatorLimited: max(process.senderBusyShare, process.viewersBusyShare) > LoadWindow.busyShareMax)
    }

    private func present(_ report: LikeSwarmReport) -> Int32 {
        if settings.coordinates {
            StandardOutput.write(JSONLine.text(LikesMessage(event: "report", report: report)))
        } else {
            StandardOutput.write(JSONLine.text(report, pretty: true))
        }
        let isClean = report.viewers.wrong == 0 && report.viewers.malformed == 0 && report.requests.unfinished == 0
        return isClean ? ExitStatus.fine : ExitStatus.auditFailed
    }
}
