import Foundation
import Primitives
import Report
import Testbed

/// An experiment, and what it gathers while it goes on, so that an interrupted one has written what it knew.
protocol Experiment: Sendable {
    /// What the report begins with.
    var base: Report { get set }
    /// What each process has used; set when all have ended.
    var processes: [ProcessCosts] { get set }
    /// Parts that run one after the other, each on a testbed of its own: their folders inside the report's.
    var parts: [String] { get }
    /// Does one of its ``parts``, and tells `gathered` what comes of it.
    func run(_ part: Int, in testbed: Testbed, _ gathered: Locked<Self>, _ runner: ExperimentRunner) async throws
    /// The whole report, judged.
    func report(_ failure: Failure?) -> Report
}

extension Experiment {
    var parts: [String] { [""] }
}

extension Locked where Value: Experiment {
    /// Changes the part that goes on, if there is one.
    func last<Part>(_ parts: WritableKeyPath<Value, [Part]>, _ change: (inout Part) -> Void) {
        update { result in
            guard let last = result[keyPath: parts].indices.last else { return }
            change(&result[keyPath: parts][last])
        }
    }
}

/// Runs experiments: each ends with everything that it started, and leaves a report.
struct ExperimentRunner: Sendable {
    let binaries: Binaries
    let progress: Progress
    /// A server or service that does not answer for so long ends the experiment; `nil` where that is the experiment.
    var silenceMax: Duration? = .seconds(20)
    /// Shows the dashboard in a browser, in a run.
    var opensDashboard = false

    /// Runs the parts as long as none fails; a failure stands in the report's verdict.
    func run<Result: Experiment>(_ experiment: Result, in folder: ReportFolder) async -> Report {
        progress.step("\(experiment.base.title): \(experiment.base.command)")
        let gathered = Locked(experiment)
        let failure = await Failure.of {
            for (index, part) in experiment.parts.enumerated() {
                let folders = try Folders(report: part.isEmpty ? folder.path : "\(folder.path)/\(part)")
                try await Testbed.run(folders, binaries, silenceMax: silenceMax) { testbed in
                    defer { gathered.update { $0.processes = ProcessCosts.all(testbed) } }
                    defer { progress.step("stopping") }
                    try await experiment.run(index, in: testbed, gathered, self)
                }
            }
        }
        gathered.update { $0.base.finishedAt = Report.now() }
        return gathered.value.report(failure)
    }
}
