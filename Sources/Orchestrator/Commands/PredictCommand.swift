import ArgumentParser
import Audience
import Options
import Placement
import Report
import Testbed

/// `Orchestrator predict`: the model's table, without a single process.
struct PredictCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "What each placement costs at each number of Readers, from the model alone.",
        discussion: """
            Closed forms for random, round-robin and least-connections; rendezvous and overflow are placed for this audience, \
            as the service would. With --out it writes a report.
            """)

    @OptionGroup var settings: PredictSettings
    @OptionGroup var report: ReportOptions

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let settings = try settings.valid()
            let thresholds = try report.limits(Prediction.metrics.definitions)
            let table = ScalingTable(
                try settings.makeAudience(), readers: settings.readers, strategies: settings.placement)
            let prediction = Prediction(settings: settings, table: table)
            let result = prediction.report(
                await .begin("predict", settings.title, command: settings.commandLine("predict")))
            return try report.finish(result, thresholds)
        }
    }
}

/// Every parameter of one prediction, as `predict` reads it.
struct PredictSettings: ParsableArguments, AudienceSettings {
    @Option("Channels, 1 to 1,000,000.", within(1...Audience.channelsMax)) @Checked var streams = 90_000
    @Option("Viewers, 1 to 100,000,000.", within(1...Audience.viewersMax)) @Checked var viewers = 2_000_000
    @Option("Numbers of Readers: 5, 3,5,10 or 3..100.", readerNumbers()) @Checked var readers = Array(3...20)
    @Option("reference, uniform, zipf:<exponent>, flash or flash:<share>.", anyAudience)
    @Checked var audience = AudienceSpec.zipf(exponent: 1)
    @Option("Placements, separated by commas.", placementList)
    @Checked var placement: [PlacementStrategy] = [.random, .rendezvous, .overflow]
    @Option("The same seed makes the same audience, 0 to 2^64-1.", anySeed) @Checked var seed: UInt64 = 1

    var title: String { "Prediction: \(audience), \(Format.grouped(viewers)) viewers" }
}

/// The model's answer for one audience and many numbers of Readers.
struct Prediction: Sendable {
    var settings: PredictSettings
    var table: ScalingTable

    static let metrics = MetricList<SpreadOutcome> { list in
        list.group("Placements")
        list.add("spread", .percent, .lowerIsBetter, minimumDelta: 0.01) { $0.spread * 100 }
        list.add("subscriptions") { $0.subscriptions.rounded() }
        list.add("amplification") { $0.amplification }
        list.add("weighted amplification", .none, .lowerIsBetter, minimumDelta: 0.001) { $0.weightedAmplification }
        list.add("wasted share", .percent) { $0.wastedShare * 100 }
        list.add("fullest Reader, times the mean", .none, .lowerIsBetter, minimumDelta: 0.001) { $0.loadMaxOverMean }
    }

    func report(_ base: Report) -> Report {
        var report = base
        report.summary = summary
        report.finishedAt = Report.now()
        report.metrics = table.rows.flatMap { row in
            Self.metrics.metrics(of: row.outcome, scope: "\(row.strategy.rawValue), \(row.outcome.readers) Readers")
        }
        report.charts = PlacementCharts(table: table).all
        report.verdict.checks = [.completed(nil)]
        return report
    }

    /// What the numbers say, for somebody who has read nothing else.
    private var summary: String {
        guard let few = row(.random, settings.readers.first), let many = row(.random, settings.readers.last) else {
            return ""
        }
        let growth =
            "With \(few.readers) Readers placed at random each subscribes to \(Format.percent(few.spread)) of all channels"
            + " and Redis sends a comment \(Format.decimal(few.weightedAmplification, 1)) times"
            + (settings.readers.count > 1
                ? "; with \(many.readers) it is \(Format.percent(many.spread)) and"
                    + " \(Format.decimal(many.weightedAmplification, 1)) times." : ".")
        guard let other = row(.overflow, settings.readers.last) else { return growth }
        return growth
            + " Placed by channel with overflow, \(other.readers) Readers subscribe to \(Format.percent(other.spread)) each"
            + " and Redis sends a comment \(Format.decimal(other.weightedAmplification, 2)) times, with the fullest Reader"
            + " at \(Format.decimal(other.loadMaxOverMean, 2)) of the mean."
    }

    private func row(_ strategy: PlacementStrategy, _ readers: Int?) -> SpreadOutcome? {
        table.rows.first { $0.strategy == strategy && $0.outcome.readers == readers }?.outcome
    }
}
