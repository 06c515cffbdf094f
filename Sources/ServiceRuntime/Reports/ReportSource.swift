public import Wire

/// What a process has to report, and what becomes of it.
public protocol ReportSource: Sendable {
    associatedtype Report: Encodable & Sendable

    /// The report of now. One of the two calls below follows before the next one is asked for.
    func makeReport() -> Report

    /// StatsAPI answered.
    func reportAccepted(_ acknowledgement: ReportAcknowledgement)

    /// Nobody knows whether StatsAPI has the report.
    func reportFailed()
}
