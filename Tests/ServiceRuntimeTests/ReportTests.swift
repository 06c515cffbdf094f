import FoundationEssentials
import Hummingbird
import Logging
import NIOCore
import Placement
import Primitives
import ServiceLifecycle
import Testing
import Wire

@testable import ServiceRuntime

@Suite struct SubscriptionDeltasTests {
    @Test func firstReportIsFull() {
        var deltas = SubscriptionDeltas()
        deltas.subscribed("video:b")
        deltas.subscribed("video:a")
        deltas.viewers(2, of: "video:a")
        let report = SubscriptionDeltas.Changes(
            sequence: 0, full: true, subscribed: ["video:a", "video:b"], unsubscribed: [], subscriptions: 2,
            viewers: ["video:a": 2, "video:b": 0])
        #expect(deltas.next() == report)
    }

    @Test func changesSinceTheLastAcceptedReport() {
        var deltas = accepted(["a", "b", "c"])
        deltas.subscribed("d")
        deltas.viewers(3, of: "d")
        deltas.unsubscribed("a")
        deltas.viewers(9, of: "b")
        var report = SubscriptionDeltas.Changes(
            sequence: 1, full: false, subscribed: ["d"], unsubscribed: ["a"], subscriptions: 3,
            viewers: ["b": 9, "d": 3])
        #expect(deltas.next() == report)
        deltas.accepted(resync: false)
        (report.sequence, report.subscribed, report.unsubscribed, report.viewers) = (2, [], [], [:])
        #expect(deltas.next() == report)
    }

    @Test func whatComesBackIsNoChange() {
        var deltas = accepted(["a"])
        deltas.unsubscribed("a")
        deltas.subscribed("a")
        deltas.viewers(4, of: "a")
        deltas.viewers(0, of: "a")
        deltas.subscribed("b")
        deltas.unsubscribed("b")
        let report = deltas.next()
        #expect(report.subscribed.isEmpty && report.unsubscribed.isEmpty && report.viewers.isEmpty && !report.full)
    }

    @Test func changesWhileAReportIsUnderWayAreInTheNextOne() {
        var deltas = accepted(["a"])
        deltas.subscribed("b")
        _ = deltas.next()
        deltas.unsubscribed("b")
        deltas.subscribed("c")
        deltas.accepted(resync: false)
        let report = deltas.next()
        #expect(report.subscribed == ["c"] && report.unsubscribed == ["b"] && report.sequence == 2)
    }

    @Test func unknownFateAndResyncMakeTheNextOneFull() {
        var deltas = accepted(["a"])
        deltas.subscribed("b")
        _ = deltas.next()
        deltas.failed()
        let afterFailure = deltas.next()
        #expect(afterFailure.full && afterFailure.subscribed == ["a", "b"] && afterFailure.sequence == 2)
        deltas.accepted(resync: true)
        let afterResync = deltas.next()
        #expect(afterResync.full && afterResync.sequence == 3)
        deltas.accepted(resync: false)
        #expect(!deltas.next().full)
    }

    @Test func viewersOfOtherChannelsAreNotKept() {
        var deltas = accepted([])
        deltas.viewers(5, of: "x")
        #expect(deltas.next().viewers.isEmpty)
    }

    @Test func touchedChannelsAreBounded() {
        var deltas = accepted(["a"])
        for number in 0...SubscriptionDeltas.changedMin {
            deltas.subscribed("v\(number)")
            deltas.unsubscribed("v\(number)")
        }
        let report = deltas.next()
        #expect(report.full && report.subscribed == ["a"])
        deltas.accepted(resync: false)
        #expect(!deltas.next().full)
    }

    @Test func overflowWhileUnderWayOutlivesTheAnswer() {
        var deltas = accepted(["a"])
        _ = deltas.next()
        for number in 0...SubscriptionDeltas.changedMin {
            deltas.subscribed("v\(number)")
            deltas.unsubscribed("v\(number)")
        }
        deltas.accepted(resync: false)
        #expect(deltas.next().full)
    }

    /// Random histories with losses in both directions; what the receiver builds up must be the set whenever it has the
    /// newest report.
    @Test(arguments: 0..<200)
    func receiverConverges(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var deltas = SubscriptionDeltas()
        var receiver: (set: [String: Int], sequence: Int)?
        var truth: [String: Int] = [:]
        for step in 0..<60 {
            for _ in 0..<Int.random(in: 0..<6, using: &random) {
                let channel = "c\(Int.random(in: 0..<8, using: &random))"
                switch Int.random(in: 0..<3, using: &random) {
                case 0:
                    deltas.subscribed(channel)
                    truth[channel] = truth[channel] ?? 0
                case 1:
                    deltas.unsubscribed(channel)
                    truth[channel] = nil
                default:
                    let count = Int.random(in: 0..<4, using: &random)
                    deltas.viewers(count, of: channel)
                    if truth[channel] != nil { truth[channel] = count }
                }
            }
            let report = deltas.next()
            let fate = Int.random(in: 0..<5, using: &random)
            if fate == 0 {
                deltas.failed()
                continue
            }
            let applied = apply(report, to: &receiver)
            if fate == 1 { deltas.failed() } else { deltas.accepted(resync: !applied) }
            if applied { #expect(receiver?.set == truth, "seed \(seed) step \(step)") }
            if fate == 2 { receiver = nil }
        }
    }

    private func apply(
        _ report: SubscriptionDeltas.Changes, to receiver: inout (set: [String: Int], sequence: Int)?
    ) -> Bool {
        if report.full {
            receiver = (report.viewers, report.sequence)
            return true
        }
        guard var state = receiver, state.sequence + 1 == report.sequence else { return false }
        for channel in report.unsubscribed { state.set[channel] = nil }
        for channel in report.subscribed { state.set[channel] = 0 }
        for (channel, count) in report.viewers { state.set[channel] = count }
        state.sequence = report.sequence
        receiver = state
        return state.set.count == report.subscriptions
    }

    private func accepted(_ channels: [String]) -> SubscriptionDeltas {
        var deltas = SubscriptionDeltas()
        for channel in channels { deltas.subscribed(channel) }
        _ = deltas.next()
        deltas.accepted(resync: false)
        return deltas
    }
}

@Suite struct PublishCountsTests {
    @Test func countsSinceTheLastAcceptedReport() {
        var counts = PublishCounts()
        counts.published(on: "a")
        counts.published(on: "a")
        #expect(counts.next() == .init(byChannel: ["a": 2]))
        counts.published(on: "b")
        counts.accepted()
        #expect(counts.next() == .init(byChannel: ["b": 1]))
    }

    @Test func failedCountsComeBack() {
        var counts = PublishCounts(channelsMax: 2)
        for channel in ["a", "b", "c"] { counts.published(on: channel) }
        #expect(counts.next() == .init(byChannel: ["a": 1, "b": 1], elsewhere: 1))
        for channel in ["c", "a"] { counts.published(on: channel) }
        counts.failed()
        #expect(counts.next() == .init(byChannel: ["a": 2, "b": 1], elsewhere: 2))
    }
}

@Suite struct StatisticsReporterTests {
    private final class Source: ReportSource {
        struct Report: Codable {
            var number: Int
        }

        let events = Mutex<[String]>([])

        func makeReport() -> Report {
            events.withLock { events in
                events.append("made")
                return Report(number: events.count { $0 == "made" })
            }
        }

        func reportAccepted(_ acknowledgement: ReportAcknowledgement) {
            events.withLock { $0.append(acknowledgement.resync ? "resync" : "accepted") }
        }

        func reportFailed() { events.withLock { $0.append("failed") } }
    }

    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func makeProcess(port: Int = 0) throws -> ServiceProcess {
        let settings = try TestSettings.read(arguments: ["--host=127.0.0.1", "--port=\(port)"], environment: [:])
        return ServiceProcess(name: "Test", server: settings.server, logger: logger)
    }

    /// Runs a reporter against a server that answers report n with `answer(n)` until it got `count` reports.
    private func reports(
        _ count: Int, answer: @escaping @Sendable (Int) -> Response
    ) async throws -> (events: [String], metrics: String) {
        let process = try makeProcess()
        let (arrivals, arrived) = AsyncStream.makeStream(of: Int.self)
        let router = process.makeRouter()
        router.post("reports") { request, _ in
            let number = try await request.json(Source.Report.self, code: "invalid_report").number
            arrived.yield(number)
            return answer(number)
        }
        let (ports, bound) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            responder: ServiceResponder(
                router: router, monitor: process.http, access: process.access, connections: process.connections,
                crossOrigin: nil),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { bound.yield($0.localAddress?.port ?? 0) }, logger: logger)
        let source = Source()
        try await withThrowingTaskGroup(of: Void.self) { group in
            let server = ServiceGroup(configuration: .init(services: [application], logger: logger))
            group.addTask { try await server.run() }
            let port = try #require(await ports.first { _ in true })
            let environment = ["STATISTICS_API_URL": "http://127.0.0.1:\(port)/", "REPORT_INTERVAL_MS": "50"]
            var reader = SettingsReader(arguments: [], environment: environment)
            let settings = ReportSettings(from: &reader)
            let reporter = try #require(
                StatisticsReporter(source, settings: settings, path: "/reports", process: process))
            let client = ServiceGroup(configuration: .init(services: [reporter], logger: logger))
            group.addTask { try await client.run() }
            _ = await arrivals.first { $0 == count }
            await client.triggerGracefulShutdown()
            try await group.next()
            await server.triggerGracefulShutdown()
            try await group.waitForAll()
        }
        return (source.events.withLock { $0 }, process.metrics.exposition())
    }

    @Test func reportsUntilStoppedAndOnceMore() async throws {
        let (events, metrics) = try await reports(3) { number in
            Response.json(Array("{\"success\":true,\"resync\":\(number == 2)}".utf8))
        }
        #expect(Array(events.prefix(6)) == ["made", "accepted", "made", "resync", "made", "accepted"])
        // One after another, and a last one at the stop.
        #expect(events.count >= 8)
        for (index, event) in events.enumerated() { #expect((event == "made") == (index % 2 == 0)) }
        #expect(metrics.contains("chorus_reports_failed_total 0"))
    }

    @Test func refusalsAreFailures() async throws {
        let (events, metrics) = try await reports(3) { number in
            number == 2
                ? Response(status: .serviceUnavailable)
                : Response.json(Array("{\"success\":true,\"resync\":false}".utf8))
        }
        #expect(Array(events.prefix(6)) == ["made", "accepted", "made", "failed", "made", "accepted"])
        #expect(metrics.contains("chorus_reports_failed_total 1"))
    }

    @Test func nobodyToTell() throws {
        var reader = SettingsReader(arguments: [], environment: [:])
        let settings = ReportSettings(from: &reader)
        #expect(StatisticsReporter(Source(), settings: settings, path: "/reports", process: try makeProcess()) == nil)
    }

    @Test func refusedConnectionsFailAtOnce() async throws {
        let start = ContinuousClock.now
        await #expect(throws: (any Error).self) {
            try await OutboundHTTP.get("http://127.0.0.1:1/", timeout: .seconds(20))
        }
        #expect(ContinuousClock.now - start < .seconds(5))
    }
}
