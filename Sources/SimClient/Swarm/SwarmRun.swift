internal import Audience
internal import Primitives
internal import SocketLoop
internal import Wire

/// One run of a swarm, from the first connect to the report.
struct SwarmRun: Sendable {
    let settings: SwarmSettings
    private let orders: StandardInputLines?

    init(_ settings: SwarmSettings) {
        self.settings = settings
        orders = settings.coordinates ? StandardInputLines() : nil
    }

    /// Why a run ended before its report.
    enum Failure: Error, CustomStringConvertible {
        case unresolvable(String)
        case noDescriptor(String)
        case noViewerConnected(String)
        case coordinatorGone
        case interrupted

        var description: String {
            switch self {
            case .unresolvable(let why), .noDescriptor(let why): why
            case .noViewerConnected(let why): "no viewer could connect: \(why)"
            case .coordinatorGone: "standard input ended before the coordinator's orders came"
            case .interrupted: "interrupted"
            }
        }

        var exitStatus: Int32 {
            switch self {
            case .unresolvable, .noViewerConnected: ExitStatus.unavailable
            case .noDescriptor, .coordinatorGone: ExitStatus.internalError
            case .interrupted: ExitStatus.interrupted
            }
        }
    }

    /// Runs to the end; the exit status.
    func run() async -> Int32 {
        DescriptorLimit.raise()
        do {
            let stage = try SwarmStage(settings)
            stage.start()
            let outcome: Result<Int32, any Error>
            do { outcome = .success(try await play(on: stage)) } catch { outcome = .failure(error) }
            await stage.stop()
            return try outcome.get()
        } catch {
            StandardError.write("error: \(error)")
            return (error as? Failure)?.exitStatus ?? ExitStatus.internalError
        }
    }

    private func play(on stage: SwarmStage) async throws -> Int32 {
        try await withThrowingTaskGroup(of: Int32?.self) { group in
            group.addTask {
                await StatisticsReporter(settings, stage).run()
                return nil
            }
            group.addTask { try await phases(on: stage) }
            defer { group.cancelAll() }
            while let status = try await group.next() {
                if let status { return status }
            }
            return ExitStatus.internalError
        }
    }

    private func phases(on stage: SwarmStage) async throws -> Int32 {
        announceParameters()
        var lines = orders?.lines.makeAsyncIterator()
        let connecting = try await connect(stage)
        tell(.connected(viewers: connecting.connected, failed: connecting.failed, seconds: connecting.seconds))
        if orders != nil {
            guard case .start = await nextOrder(&lines) else { throw orderMissing }
        }
        let before = stage.usage()
        let published = try await publish(stage, &lines)
        let expected = try await expectation(published, &lines)
        await settle(stage, expected)
        let load = stage.load(since: before)
        guard let outcome = await stage.outcome() else { throw Failure.interrupted }
        try Task.checkCancellation(or: Failure.interrupted)
        await StatisticsReporter(settings, stage).finish()
        let report = makeReport(connecting: connecting, published: published, outcome: outcome, load: load)
        present(report, outcome, load)
        return outcome.counts.isClean ? ExitStatus.fine : ExitStatus.auditFailed
    }

    private var orderMissing: Failure { Task.isCancelled ? .interrupted : .coordinatorGone }

    private func nextOrder(_ lines: inout AsyncStream<String>.Iterator?) async -> SwarmOrder? {
        while let line = await lines?.next() {
            if let order = SwarmOrder(line: line) { return order }
            StandardError.write("warning: not an order: \(line.prefix(200))")
        }
        return nil
    }
}

// MARK: - Phases

extension SwarmRun {
    struct Connecting: Sendable {
        var connected: Int
        var failed: Int
        var seconds: Double
    }

    private func connect(_ stage: SwarmStage) async throws -> Connecting {
        let start = MonotonicClock.now()
        stage.connect()
        let settled = await stage.wait(seconds: settings.connectSeconds) { $0.unsettled == 0 }
        try Task.checkCancellation(or: Failure.interrupted)
        let now = stage.crowdBoard.now
        let wanted = settings.shard.viewers(of: settings.audience.total)
        if now.tally.watching == 0, wanted > 0, orders == nil {
            throw Failure.noViewerConnected(
                "\(now.tally.attempts) attempts, \(now.tally.refusals) refused, \(now.tally.rejections) rejected")
        }
        if settings.publishes == .comments, settings.rate > 0 || settings.window > 0,
            !(await stage.waitForConnections())
        {
            StandardError.write("warning: CommentAPI has not taken all \(settings.publishConnections) connections")
        }
        let seconds = settled && now.settledAt > start ? Double(now.settledAt - start) / 1e9 : settings.connectSeconds
        return Connecting(connected: now.tally.watching, failed: wanted - now.tally.watching, seconds: seconds)
    }

    private func publish(
        _ stage: SwarmStage, _ lines: inout AsyncStream<String>.Iterator?
    ) async throws -> PublishTally {
        stage.measure(afterSeconds: settings.warmupSeconds)
        let seconds = settings.warmupSeconds + settings.durationSeconds
        let overflow = await withTaskGroup(of: Int?.self) { group in
            group.addTask { await write(stage, seconds: seconds) }
            group.addTask {
                await tellProgress(stage)
                return nil
            }
            if settings.isDrill {
                group.addTask {
                    await stage.seek()
                    return nil
                }
                // The duration is only a limit then.
                while let order = await nextOrder(&lines), order != .stop {}
                group.cancelAll()
            }
            var overflow = 0
            for await part in group {
                guard let part else { continue }
                overflow += part
                group.cancelAll()
            }
            return overflow
        }
        try Task.checkCancellation(or: Failure.interrupted)
        guard var tally = await stage.finalTally() else { throw Failure.interrupted }
        // What the publisher's mailbox did not take could not start either.
        tally.offered += overflow
        tally.dropped += overflow
        tally.unknown += tally.outstanding
        return tally
    }

    /// Writes comments for so many seconds, or lets the time pass; how many the publisher's mailbox did not take.
    private func write(_ stage: SwarmStage, seconds: Double) async -> Int {
        if settings.window > 0 {
            stage.beginClosedLoop()
            try? await Task.sleep(for: .seconds(seconds))
            stage.endClosedLoop()
            return 0
        }
        let arrivals = CommentArrivals(
            settings.audience, rate: settings.rate, shard: settings.shard, process: settings.arrivals)
        return await OpenLoopScheduler(audience: settings.audience, arrivals: arrivals).run(seconds: seconds) {
            stage.publish($0)
        }
    }

    private func tellProgress(_ stage: SwarmStage) async {
        let start = MonotonicClock.now()
        var ticks = 0
        let ticksPerSecond = settings.isDrill ? 10 : 1
        while (try? await Task.sleep(for: .milliseconds(1000 / ticksPerSecond))) != nil {
            ticks += 1
            let crowd = stage.crowdBoard.now
            let published = stage.publisherBoard.tally.withLock { $0 }
            let seconds = Double(MonotonicClock.now() - start) / 1e9
            tell(
                .progress(
                    second: ticks / ticksPerSecond, seconds: seconds, delivered: crowd.delivered,
                    acknowledged: published.acknowledged,
                    crowd: settings.isDrill
                        ? SwarmMessage.CrowdState(crowd, unacknowledged: published.unacknowledged) : nil))
        }
    }

    /// What was written: by everybody, if there is a coordinator, else by us.
    private func expectation(
        _ published: PublishTally, _ lines: inout AsyncStream<String>.Iterator?
    ) async throws -> [String: ChannelComments] {
        let own = published.written(settings.audience)
        tell(.published(own))
        guard orders != nil else { return own }
        guard case .expect(let all) = await nextOrder(&lines) else { throw orderMissing }
        return all
    }

    private func settle(_ stage: SwarmStage, _ expected: [String: ChannelComments]) async {
        stage.expect(expected)
        _ = await stage.wait(seconds: settings.settleSeconds) { $0.short == 0 }
    }
}

// MARK: - Output

extension SwarmRun {
    private func announceParameters() {
        guard !settings.coordinates, !settings.writesJSON else { return }
        StandardError.write("swarm \(JSONLine.text(settings.parameters)) shard \(settings.shard)")
    }

    private func tell(_ message: SwarmMessage) {
        if settings.coordinates {
            StandardOutput.write(message.line())
        } else if StandardError.isTerminal, message.channels == nil {
            StandardError.write(ProgressLine.text(message))
        }
    }

    private func makeReport(
        connecting: Connecting, published: PublishTally, outcome: CrowdOutcome, load: LoadWindow
    ) -> SwarmReport {
        let usage = ResourceUsage.now()
        return SwarmReport(
            parameters: settings.parameters, shard: settings.shard,
            viewers: .init(
                wanted: outcome.wanted, connected: connecting.connected, failed: connecting.failed,
                connectSeconds: connecting.seconds, reconnects: outcome.counts.reconnects),
            publishing: .init(
                offered: published.offered, started: published.started, acknowledged: published.acknowledged,
                failed: published.failed + published.refused + published.unknown + published.stored,
                dropped: published.dropped, refused: published.refused, unknown: published.unknown,
                stored: published.stored),
            delivery: outcome.counts, latency: outcome.latency, latencyFromDue: outcome.latencyFromDue,
            bytesReceived: outcome.tally.bytesReceived,
            process: .init(
                cpuSeconds: usage.cpuSeconds, loopBusyShare: load.busyShare,
                residentBytesMax: usage.residentBytesMax),
            generatorLimited: load.isLimit)
    }

    private func present(_ report: SwarmReport, _ outcome: CrowdOutcome, _ load: LoadWindow) {
        if settings.coordinates {
            StandardOutput.write(SwarmMessage.report(report).line())
        } else if settings.writesJSON {
            StandardOutput.write(JSONLine.text(report, pretty: true))
        } else {
            StandardOutput.write(ReportTable.text(report, outcome.tally, load))
        }
    }
}

extension Task where Success == Never, Failure == Never {
    /// Throws `failure` when the task was cancelled.
    static func checkCancellation(or failure: some Error) throws {
        if isCancelled { throw failure }
    }
}

extension SwarmMessage.CrowdState {
    init(_ board: CrowdBoard.Snapshot, unacknowledged: Int) {
        self.init()
        self.unacknowledged = unacknowledged
        at = Int64(WallClock.nanoseconds() / 1000)
        watching = board.tally.watching
        away = board.away
        behind = board.behind
        wholeThrough = board.wholeThrough
        attempts = board.tally.attempts
        connects = board.tally.connects
    }
}
