import FoundationEssentials
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import Testing
import Wire

@testable import ServiceRuntime

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
            responder: ServiceResponder(router: router, monitor: process.http, crossOrigin: nil),
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
            try await OutboundHTTP.get("http://127.0.0.1:1/", timeout: .seconds(20), bytesMax: 10)
        }
        #expect(ContinuousClock.now - start < .seconds(5))
    }
}
