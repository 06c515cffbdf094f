internal import ArgumentParser
internal import Audience
internal import Glibc
internal import Primitives
internal import Report
internal import SocketLoop
internal import UnixSignals

/// Why a run ended before its report.
enum RunFailure: Error, Equatable, CustomStringConvertible {
    case noViewerConnected(String)
    case loopSilent
    case ordersMissing
    case traceNotWritten(String)

    var description: String {
        switch self {
        case .noViewerConnected(let why): "no viewer could connect: \(why)"
        case .loopSilent: "a loop of this program does not answer"
        case .ordersMissing: "standard input ended before the coordinator's orders came"
        case .traceNotWritten(let why): "the trace cannot be written: \(why)"
        }
    }
}

/// Runs what a command does.
enum Generator {
    /// What ends the program: the exit code of `work`, which is cancelled by SIGINT and SIGTERM; then 130, whatever it
    /// returns.
    static func runUntilSignal(_ work: @escaping @Sendable () async -> ExitStatus) async -> ExitCode {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        return await withTaskGroup(of: ExitStatus?.self) { group in
            group.addTask { await work() }
            group.addTask {
                for await _ in signals { return .interrupted }
                return nil
            }
            // The first to end decides; the other is cancelled and waited for, so that the loops are stopped.
            var status: ExitStatus?
            for await ended in group {
                status = status ?? ended
                if status != nil { group.cancelAll() }
            }
            return ExitCode((status ?? .processDied).rawValue)
        }
    }

    /// The exit status of `body`; its error is told.
    static func run(_ body: () async throws -> ExitStatus) async -> ExitStatus {
        DescriptorLimit.raise()
        do {
            return try await body()
        } catch {
            StandardError.write(error is CancellationError ? "error: interrupted" : "error: \(error)")
            return switch error {
            case RunFailure.noViewerConnected, is SocketAddress.Unresolvable: .unavailable
            case is CancellationError: .interrupted
            case is InvalidParameter: .badArguments
            default: .processDied
            }
        }
    }
}

/// The orders on standard input.
struct GeneratorOrders {
    /// Lines that wait; more than the few that the protocol knows mean that nobody follows it.
    private static let linesMax = 16

    private var lines = StandardInput.lines(most: GeneratorOrders.linesMax).makeAsyncIterator()

    /// Waits for `order`: what it returns is not `nil`. Orders that it does not know are told and passed over.
    @discardableResult
    mutating func wait<Answer>(for order: (GeneratorOrder) -> Answer?) async throws -> Answer {
        while let line = await lines.next() {
            if let answer = GeneratorOrder(line: line).flatMap(order) { return answer }
            StandardError.write("warning: not an order: \(line.prefix(200))")
        }
        try Task.checkCancellation()
        throw RunFailure.ordersMissing
    }
}

/// What this process has used so far.
struct ResourceUsage: Equatable, Sendable {
    /// User and system time.
    var cpuSeconds: Double
    var residentBytesMax: Int

    static func now() -> ResourceUsage {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        return ResourceUsage(
            cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            // Linux counts in kibibytes (getrusage(2)).
            residentBytesMax: usage.ru_maxrss * 1024)
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
}
