internal import Audience
internal import Glibc
internal import Primitives
internal import Report
internal import SocketLoop
internal import Wire

/// One run of a swarm, from the first connect to the report.
struct SwarmRun: Sendable {
    let settings: SwarmCommand

    init(_ settings: SwarmCommand) { self.settings = settings }

    /// Runs to the end; the exit status.
    func run() async -> ExitStatus {
        await Generator.run {
            let stage = try SwarmStage(settings)
            stage.start()
            let outcome: Result<ExitStatus, any Error>
            do { outcome = .success(try await play(on: stage)) } catch { outcome = .failure(error) }
            await stage.stop()
            return try outcome.get()
        }
    }

    private func play(on stage: SwarmStage) async throws -> ExitStatus {
        let statistics = try StatisticsReporter(to: settings.statsAPI) { clientReport(stage) }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await statistics?.run() }
            // The reporter's last words are waited for at the end of the group.
            defer { group.cancelAll() }
            return try await phases(on: stage)
        }
    }

    private func phases(on stage: SwarmStage) async throws -> ExitStatus {
        if !settings.coordinate, !settings.json {
            StandardError.write("swarm \(JSONLine.text(settings.parameters)) shard \(settings.shard)")
        }
        var orders = settings.coordinate ? GeneratorOrders() : nil
        let connected = try await connect(stage)
        tell(.connected(viewers: connected.connected, failed: connected.failed, seconds: connected.connectSeconds))
        try await orders?.wait { $0 == .start ? true : nil }
        let before = load(stage)
        let published = try await publish(stage, &orders)
        let own = published.written(stage.audience)
        tell(.published(own))
        let written = try await orders?.wait { if case .expect(let all) = $0 { all } else { nil } }
        try await stage.settle(written ?? own, seconds: settings.settleTimeout)
        let load = load(stage) - before
        let outcome = try await stage.outcome()
        try Task.checkCancellation()
        if let path = settings.record { try stage.recorder?.write(to: path) }
        var viewers = connected
        if stage.hasMoves {
            // Whoever is there in the end.
            viewers.wanted = settings.shard.viewers(of: stage.audience.total) - outcome.tally.absent
            viewers.connected = outcome.tally.watching
            viewers.failed = viewers.wanted - viewers.connected
        }
        let report = makeReport(stage, viewers, published, outcome, load)
        if settings.coordinate {
            StandardOutput.write(SwarmMessage.report(report).line)
        } else {
            StandardOutput.write(
                settings.json ? JSONLine.text(report, pretty: true) : ReportTable.text(report, outcome.tally, load))
        }
        return report.delivery.isClean ? .fine : .auditFailed
    }

    private func load(_ stage: SwarmStage) -> LoadWindow {
        var load = LoadWindow(viewers: stage.viewers, publisher: stage.publisher)
        let seen = stage.viewersSeen.value
        (load.ticks, load.lateTicks) = (seen.ticks, seen.lateTicks)
        return load
    }

    private func clientReport(_ stage: SwarmStage) -> ClientReport {
        let seen = stage.viewersSeen.value
        return ClientReport(
            clientId: "swarm-\(settings.shard.index)-\(getpid())",
            viewers: settings.shard.viewers(of: stage.audience.total), connected: seen.tally.watching,
            commentsGenerated: stage.publisherSeen.value.source.acknowledged,
            commentsConsumed: seen.feed?.delivered ?? 0, reconnects: seen.feed?.reconnects ?? 0)
    }

    private func tell(_ message: SwarmMessage) {
        if settings.coordinate {
            StandardOutput.write(message.line)
        } else if StandardError.isTerminal, message.channels == nil {
            StandardError.write(ReportTable.progress(message))
        }
    }
}

// MARK: - Phases

extension SwarmRun {
    private func connect(_ stage: SwarmStage) async throws -> SwarmReport.Viewers {
        let start = MonotonicClock.now()
        let settled = try await Polling.until(
            atMost: .seconds(settings.connectTimeout), every: .milliseconds(50)
        ) { stage.viewersSeen.value.unsettled == 0 }
        let seen = stage.viewersSeen.value
        let wanted = settings.shard.viewers(of: stage.audience.total) - seen.tally.absent
        if seen.tally.watching == 0, wanted > 0, !settings.coordinate {
            throw RunFailure.noViewerConnected(
                "\(seen.tally.attempts) attempts, \(seen.tally.refusals) refused, \(seen.tally.rejections) rejected")
        }
        if settings.publish == .comments, settings.rate > 0 || settings.window > 0 || settings.isStaged,
            !(try await stage.waitForConnections())
        {
            StandardError.write("warning: CommentAPI has not taken all \(settings.publishConnections) connections")
        }
        return SwarmReport.Viewers(
            wanted: wanted, connected: seen.tally.watching, failed: wanted - seen.tally.watching,
            connectSeconds: settled && seen.settledAt > start
                ? Double(seen.settledAt - start) / 1e9 : settings.connectTimeout)
    }

    private func publish(_ stage: SwarmStage, _ orders: inout GeneratorOrders?) async throws -> PublishTally {
        let now = WallClock.microseconds()
        let measured = settings.warmup > 0 ? now + Int64(settings.warmup * 1e6) : .min
        stage.viewers.call { viewers, _ in viewers.feed.measure(fromMicroseconds: measured) }
        if let recorder = stage.recorder {
            recorder.begin(at: MonotonicClock.now())
            stage.viewers.call { viewers, _ in
                viewers.feed.note(present: { viewers.viewers.users[$0].machine.state != .absent })
            }
        }
        let overflow = try await withThrowingTaskGroup(of: Int?.self) { group in
            group.addTask {
                await tellProgress(stage)
                return nil
            }
            defer { group.cancelAll() }
            if settings.isStaged { return try await publishInStages(stage, &orders) }
            group.addTask {
                await write(stage, rate: settings.writtenPerSecond, seconds: settings.warmup + settings.duration)
            }
            if stage.trace != nil || !settings.moves.isNone {
                group.addTask {
                    await stage.moveViewers(settings.moves)
                    return nil
                }
            }
            if settings.isDrill {
                group.addTask {
                    await stage.seek()
                    return nil
                }
                // The duration is only a limit then.
                try await orders?.wait { $0 == .stop ? true : nil }
                group.cancelAll()
            }
            var overflow = 0
            for try await part in group {
                guard let part else { continue }
                overflow += part
                group.cancelAll()
            }
            return overflow
        }
        try Task.checkCancellation()
        var tally = try await stage.finalTally()
        // What the publisher's mailbox did not take could not start either.
        tally.offered += overflow
        tally.dropped += overflow
        tally.unknown += tally.outstanding
        return tally
    }

    /// Does what was ordered, until the next order; how many comments the publisher's mailbox did not take.
    private func publishInStages(_ stage: SwarmStage, _ orders: inout GeneratorOrders?) async throws -> Int {
        var next: LoadStage? = LoadStage(rate: settings.writtenPerSecond)
        var overflow = 0
        while let now = next {
            next = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask { await write(stage, rate: now.rate, seconds: SwarmRun.stageSecondsMax) }
                if now.churn > 0 {
                    group.addTask {
                        var moves = Moves()
                        moves.churn = now.churn
                        await stage.moveViewers(moves)
                        return 0
                    }
                }
                if let viewers = now.viewers { stage.hold(viewers: viewers) }
                let order = try await orders?.wait { order -> LoadStage?? in
                    switch order {
                    case .stage(let stage): .some(stage)
                    case .stop: .some(nil)
                    case .start, .expect: nil
                    }
                }
                group.cancelAll()
                for try await part in group { overflow += part }
                return order ?? nil
            }
            guard let latency = await stage.viewers.ask({ viewers, _ in viewers.feed.takeStage() }) else {
                throw RunFailure.loopSilent
            }
            tell(
                .stage(
                    latency, delivered: stage.viewersSeen.value.feed?.delivered ?? 0,
                    acknowledged: stage.publisherSeen.value.source.acknowledged))
        }
        return overflow
    }

    /// Longer than any stage.
    private static let stageSecondsMax = 86_400.0

    /// Writes comments, or lets the time pass; how many the publisher's mailbox did not take.
    private func write(_ stage: SwarmStage, rate: Double, seconds: Double) async -> Int {
        if settings.window > 0 {
            await stage.publishInClosedLoop(seconds: seconds)
            return 0
        }
        let arrivals: any OpenLoopScheduler.Process =
            if let trace = stage.trace {
                trace.comments.makeIterator()
            } else {
                CommentArrivals(stage.audience, rate: rate, shard: settings.shard, process: settings.arrivals)
            }
        return await OpenLoopScheduler(audience: stage.audience, arrivals: arrivals).run(seconds: seconds) {
            stage.publish($0)
        }
    }

    private func tellProgress(_ stage: SwarmStage) async {
        let start = MonotonicClock.now()
        var ticks = 0
        let ticksPerSecond = settings.isDrill ? 10 : settings.isStaged ? 2 : 1
        while await Polling.pause(.seconds(1 / Double(ticksPerSecond))) {
            ticks += 1
            let seen = stage.viewersSeen.value
            let published = stage.publisherSeen.value.source
            var crowd = SwarmMessage.CrowdState()
            crowd.at = WallClock.microseconds()
            crowd.watching = seen.tally.watching
            crowd.away = seen.away
            crowd.behind = seen.feed?.behind ?? 0
            crowd.wholeThrough = seen.feed?.wholeThrough ?? 0
            crowd.unacknowledged = published.unacknowledged
            crowd.attempts = seen.tally.attempts
            crowd.connects = seen.tally.connects
            let isWhole = ticks.isMultiple(of: ticksPerSecond)
            let latency =
                settings.coordinate && isWhole
                ? await stage.viewers.ask { viewers, _ in viewers.feed.takeRecent() } : nil
            tell(
                .progress(
                    second: Double(ticks / ticksPerSecond), seconds: Double(MonotonicClock.now() - start) / 1e9,
                    delivered: seen.feed?.delivered ?? 0, acknowledged: published.acknowledged,
                    crowd: settings.isDrill || settings.isStaged ? crowd : nil, latency: latency))
        }
    }

    private func makeReport(
        _ stage: SwarmStage, _ connected: SwarmReport.Viewers, _ published: PublishTally,
        _ outcome: (tally: ViewerTally, found: CommentFeed.Outcome), _ load: LoadWindow
    ) -> SwarmReport {
        let usage = ResourceUsage.now()
        var parameters = settings.parameters
        let audience = stage.audience
        (parameters.streams, parameters.viewers, parameters.audience) = (
            audience.channels, audience.total, audience.spec
        )
        var viewers = connected
        viewers.reconnects = outcome.found.counts.reconnects
        return SwarmReport(
            parameters: parameters, shard: settings.shard, viewers: viewers,
            publishing: .init(
                offered: published.offered, started: published.started, acknowledged: published.acknowledged,
                failed: published.unacknowledged, dropped: published.dropped, refused: published.refused,
                unknown: published.unknown, stored: published.stored),
            delivery: outcome.found.counts, latency: outcome.found.latency,
            latencyFromDue: outcome.found.latencyFromDue, bytesReceived: outcome.tally.bytesReceived,
            process: .init(
                cpuSeconds: usage.cpuSeconds, loopBusyShare: load.busyShare, residentBytesMax: usage.residentBytesMax),
            generatorLimited: load.isLimit)
    }
}
