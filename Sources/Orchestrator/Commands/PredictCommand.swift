import ArgumentParser
import Audience
import Placement

/// `Orchestrator predict`: the model's table, without a single process.
struct PredictCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "What each placement costs at each number of Readers, from the model alone.",
        discussion: """
            Closed forms for random, round-robin and least-connections; rendezvous and overflow are placed for this audience, \
            as the service would. With --out it writes report.json, report.md, report.csv and report.html.
            """)

    @Option(parsing: .unconditional, help: "Channels, 1 to 1,000,000.") var streams: String?
    @Option(parsing: .unconditional, help: "Viewers, 1 to 100,000,000.") var viewers: String?
    @Option(parsing: .unconditional, help: "Numbers of Readers: 5, 3,5,10 or 3..100.") var readers: String?
    @Option(parsing: .unconditional, help: "reference, uniform, zipf:<exponent>, flash or flash:<share>.")
    var audience: String?
    @Option(parsing: .unconditional, help: "Placements, separated by commas (random,rendezvous,overflow).")
    var placement: String?
    @Option(parsing: .unconditional, help: "The same seed makes the same audience.") var seed: String?
    @Option(help: "Folder for the report; none is written without it.") var out: String?
    @Flag(help: "Print the report as JSON instead of a table.") var json = false

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let report = try await predict()
            Terminal.output(json ? String(decoding: try ReportFiles.json(report), as: UTF8.self) : report.text())
            if let out {
                let folder = try Folders.makeReport(out)
                try ReportFiles.write(report, to: folder)
                Terminal.error("Report: \(folder)/report.html")
            }
            return .fine
        }
    }

    private func predict() async throws -> PredictReport {
        let settings = try PredictArguments(
            streams: streams, viewers: viewers, readers: readers, audience: audience, placement: placement, seed: seed
        ).settings()
        let audience = try Audience.of(
            settings.audience, channels: settings.streams, viewers: settings.viewers, seed: settings.seed)
        return PredictReport(
            settings: settings, command: settings.commandLine,
            software: await .current(directory: Binaries.ownDirectory),
            startedAt: RunRecorder.now(),
            table: ScalingTable(audience, readers: settings.readers, strategies: settings.placements))
    }
}

extension PredictReport {
    /// For a terminal.
    func text() -> String { table.text() + "\n" + conclusion }
}
