import FoundationEssentials
import Logging
import Metrics
import NIOCore
public import ServiceLifecycle
public import Wire

/// Makes the reports of a process, and learns whether they arrived.
public protocol ReportSource: Sendable {
    associatedtype Report: Encodable & Sendable

    /// The next report. One of the two calls below follows before the next call.
    func makeReport() -> Report

    /// StatsAPI answered.
    func reportAccepted(_ acknowledgement: ReportAcknowledgement)

    /// It is unknown whether StatsAPI has the report.
    func reportFailed()
}

/// Sends the reports of a process to StatsAPI, once an interval, one at a time; the last one when the process stops.
///
/// The process works without StatsAPI: the beginning and the end of an outage are logged, and failures are counted.
public struct StatisticsReporter<Source: ReportSource>: Service {
    /// A report that takes longer has failed.
    private let timeout: Duration
    private let interval: Duration
    private let url: String
    private let source: Source
    private let authorization: String?
    private let logger: Logger
    private let sent: Counter
    private let failures: Counter

    /// `nil` without the address of a StatsAPI.
    ///
    /// - Parameter path: the route of StatsAPI: `/reader-api-statistics`.
    public init?(
        _ source: Source, settings: ReportSettings, path: String, process: ServiceProcess,
        timeout: Duration = .seconds(5)
    ) {
        guard let base = settings.url else { return nil }
        self.source = source
        self.url = base.appending(path: path)
        self.interval = settings.interval
        self.timeout = timeout
        authorization = process.access.serviceAuthorization
        self.logger = process.logger
        process.metrics.describe("chorus_reports_sent", "Reports that StatsAPI accepted.")
        process.metrics.describe("chorus_reports_failed", "Reports that got no usable answer.")
        sent = Counter(label: "chorus_reports_sent", factory: process.metrics)
        failures = Counter(label: "chorus_reports_failed", factory: process.metrics)
    }

    public func run() async throws {
        var isAway = false
        while !Task.isShuttingDownGracefully && !Task.isCancelled {
            await report(timeout: timeout, &isAway)
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: interval) }
        }
        // The last numbers of this process; a stop waits for at most a second.
        if !Task.isCancelled { await report(timeout: min(timeout, .seconds(1)), &isAway) }
    }

    private func report(timeout: Duration, _ isAway: inout Bool) async {
        do {
            let acknowledgement = try await send(source.makeReport(), timeout: timeout)
            source.reportAccepted(acknowledgement)
            sent.increment()
            if isAway { logger.info("statistics are reported again") }
            isAway = false
        } catch {
            source.reportFailed()
            failures.increment()
            if !isAway { logger.warning("statistics cannot be reported", metadata: ["error": "\(error)"]) }
            isAway = true
        }
    }

    private func send(_ report: Source.Report, timeout: Duration) async throws -> ReportAcknowledgement {
        let json = ByteBuffer(bytes: try JSONEncoder().encode(report))
        let answer = try await OutboundHTTP.post(
            url, json: json, authorization: authorization, timeout: timeout, bytesMax: 65_536)
        guard (200..<300).contains(answer.status) else { throw ReportRefused(status: answer.status) }
        let acknowledgement = try JSONDecoder().decode(
            ReportAcknowledgement.self, from: Data(answer.body.readableBytesView))
        guard acknowledgement.success else { throw ReportRefused(status: answer.status) }
        return acknowledgement
    }
}

/// StatsAPI answered, but did not take the report.
struct ReportRefused: Error, CustomStringConvertible {
    var status: Int

    var description: String { "StatsAPI answered with status \(status)" }
}
