internal import Audience
internal import Glibc
internal import Primitives
internal import SocketLoop
internal import Wire

/// One person who watches, writes a comment now and then, and reports to StatsAPI.
struct WatchRun: Sendable {
    let settings: WatchSettings
    let say: @Sendable (String) -> Void
    private let watchBoard = WatchLoop.Board()
    private let publisherBoard = Publisher.Board()
    /// The last comment is waited for so long before the program ends.
    private static let farewellSeconds = 10

    init(_ settings: WatchSettings, say: @escaping @Sendable (String) -> Void) {
        self.settings = settings
        self.say = say
    }

    /// Runs until it is cancelled, gave up, or wrote the number of comments that it was to write; the exit status.
    func run() async -> Int32 {
        do {
            let (viewer, publisher) = try makeLoops()
            viewer.start()
            publisher.start()
            viewer.submit(.connect)
            publisher.submit(.open)
            let status = await live(publisher)
            await viewer.stop()
            await publisher.stop()
            return status
        } catch let error as SocketAddress.Unresolvable {
            StandardError.write("error: \(error)")
            return ExitStatus.unavailable
        } catch {
            StandardError.write("error: \(error)")
            return ExitStatus.internalError
        }
    }

    private func makeLoops() throws -> (SocketLoop<WatchLoop>, SocketLoop<Publisher>) {
        let (settings, say, watchBoard, publisherBoard) = (settings, say, watchBoard, publisherBoard)
        let readers = try ServerDirectory(resolving: settings.readers)
        let publishing = PublisherSettings(
            services: try ServerDirectory(resolving: settings.commentAPIs), connections: 1, shard: 0, commentBytes: 1,
            statistics: settings.statistics.isEmpty ? nil : try ServerDirectory(resolving: settings.statistics))
        let viewer = try SocketLoop(settings: .init(name: "viewer")) {
            WatchLoop(settings: settings, readers: readers, board: watchBoard, say: say)
        }
        let publisher = try SocketLoop(settings: .init(name: "publisher")) {
            Publisher(settings: publishing, board: publisherBoard)
        }
        return (viewer, publisher)
    }

    private func live(_ publisher: SocketLoop<Publisher>) async -> Int32 {
        await withTaskGroup(of: Int32?.self) { group in
            group.addTask { await write(publisher) }
            group.addTask { await report(publisher) }
            group.addTask { await waitForTheEnd() }
            defer { group.cancelAll() }
            while let ended = await group.next() {
                if let ended { return ended }
            }
            return ExitStatus.interrupted
        }
    }

    /// Writes a comment every interval; the exit status when it was the last one.
    private func write(_ publisher: SocketLoop<Publisher>) async -> Int32? {
        guard settings.intervalSeconds > 0 else { return nil }
        var written = 0
        var refusals = 0
        while await sleep(settings.intervalSeconds) {
            written += 1
            let text = "Comment \(written) from \(settings.userid)"
            publisher.submit(
                .publish([Draft(channel: 0, userid: settings.userid, videoid: settings.videoid, text: text)]))
            if written == settings.count { return await seeLastComment(publisher) }
            let now = publisherBoard.tally.withLock { $0.refused + $0.failed + $0.dropped }
            if now > refusals { say("-- \(now - refusals) comments were not accepted") }
            refusals = now
        }
        return nil
    }

    /// Waits until the last comment has come back, as it does to everybody else.
    private func seeLastComment(_ publisher: SocketLoop<Publisher>) async -> Int32 {
        for _ in 0..<(WatchRun.farewellSeconds * 20) {
            guard await sleep(0.05) else { break }
            let box = TallyBox()
            publisher.submit(.collect { tally in box.tally.withLock { $0 = tally } })
            guard await sleep(0.05), let tally = box.tally.withLock({ $0 }), tally.outstanding == 0 else { continue }
            if tally.channels.isEmpty { return ExitStatus.unavailable }
            let seen = Position(parsing: watchBoard.snapshot.withLock { $0.position })
            if let last = tally.channels[0]?.ends.last, let seen, seen.epoch == last.epoch, seen.offset >= last.offset {
                // The process ends now: the last counts are reported, and get a moment to leave.
                sendReport(publisher)
                _ = await sleep(0.1)
                return ExitStatus.fine
            }
        }
        return ExitStatus.auditFailed
    }

    private final class TallyBox: Sendable {
        let tally = Mutex<PublishTally?>(nil)
    }

    private func waitForTheEnd() async -> Int32? {
        while await sleep(0.2) {
            if watchBoard.snapshot.withLock({ $0.hasGivenUp }) { return ExitStatus.unavailable }
        }
        return nil
    }

    private func report(_ publisher: SocketLoop<Publisher>) async -> Int32? {
        guard !settings.statistics.isEmpty else { return nil }
        while await sleep(1) { sendReport(publisher) }
        return nil
    }

    private func sendReport(_ publisher: SocketLoop<Publisher>) {
        let watched = watchBoard.snapshot.withLock { $0 }
        let generated = publisherBoard.tally.withLock { $0.acknowledged }
        let report = ClientReport(
            clientId: "\(settings.userid)-\(getpid())", userid: settings.userid, videoid: settings.videoid,
            reader: watched.reader, connected: watched.isConnected ? 1 : 0, commentsGenerated: generated,
            commentsConsumed: watched.consumed, reconnects: max(watched.connects - 1, 0))
        publisher.submit(.report(Array(JSONLine.text(report).utf8)))
    }

    /// `false` when the task was cancelled.
    private func sleep(_ seconds: Double) async -> Bool {
        (try? await Task.sleep(for: .seconds(seconds))) != nil
    }
}
