import Primitives
import Report
import Testbed

/// A result while it is gathered by several tasks, so that an interrupted run has written what it knew.
final class Locked<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) { state = Mutex(value) }

    var value: Value { state.withLock { $0 } }

    func update(_ change: (inout Value) -> Void) { state.withLock { change(&$0) } }
}

typealias RunRecorder = Locked<RunResult>

extension RunRecorder {
    /// Does a part of the run and notes how long it took, also when it fails.
    func phase<Answer>(_ name: String, _ body: () async throws -> Answer) async throws -> Answer {
        let start = ContinuousClock.now
        defer {
            let seconds = (ContinuousClock.now - start).seconds
            update { $0.phases.append((name, seconds)) }
        }
        return try await body()
    }

    /// The report with what only the end knows: what each process has used, and the verdict.
    func finished(_ failure: Failure?) -> Report {
        update { result in
            result.base.finishedAt = Report.now()
            result.processes = ProcessCosts.all(result.testbed)
            for index in result.readers.indices {
                let node = result.testbed?.nodes.first { $0.name == result.readers[index].name }
                if let node { result.readers[index].usage = node.usage }
            }
        }
        return value.report(failure)
    }
}
