internal import Audience
internal import Foundation
internal import Glibc
internal import Primitives
internal import SocketLoop
internal import UnixSignals

/// The exit codes of this program; all programs of Chorus use the same table.
enum ExitStatus {
    static let fine: Int32 = 0
    /// EX_USAGE: arguments or settings that cannot be read.
    static let usage: Int32 = 64
    /// EX_DATAERR: the audit found comments that were lost, repeated, reordered or altered.
    static let auditFailed: Int32 = 65
    /// EX_UNAVAILABLE: a service that is needed does not answer.
    static let unavailable: Int32 = 69
    /// EX_SOFTWARE: the program itself could not go on.
    static let internalError: Int32 = 70
    /// 128 + SIGINT.
    static let interrupted: Int32 = 130
}

/// Why a run ended before its report.
enum RunFailure: Error, Equatable, CustomStringConvertible {
    case noViewerConnected(String)
    case loopSilent
    case ordersMissing
    case traceNotWritten(String)
    case interrupted

    var description: String {
        switch self {
        case .noViewerConnected(let why): "no viewer could connect: \(why)"
        case .loopSilent: "a loop of this program does not answer"
        case .ordersMissing: "standard input ended before the coordinator's orders came"
        case .traceNotWritten(let why): "the trace cannot be written: \(why)"
        case .interrupted: "interrupted"
        }
    }

    /// The exit status of an error that ended a run.
    static func exitStatus(of error: any Error) -> Int32 {
        switch error {
        case RunFailure.noViewerConnected, is SocketAddress.Unresolvable: ExitStatus.unavailable
        case RunFailure.interrupted: ExitStatus.interrupted
        case is InvalidParameter: ExitStatus.usage
        default: ExitStatus.internalError
        }
    }
}

extension Task where Success == Never, Failure == Never {
    /// Ends a run whose task was cancelled.
    static func checkInterrupted() throws(RunFailure) {
        if isCancelled { throw .interrupted }
    }
}

/// Runs what a command does.
enum Generator {
    /// The exit status of `work`, which is cancelled by SIGINT and SIGTERM; then 130, whatever it returns.
    static func runUntilSignal(_ work: @escaping @Sendable () async -> Int32) async -> Int32 {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        return await withTaskGroup(of: Int32?.self) { group in
            group.addTask { await work() }
            group.addTask {
                for await _ in signals { return ExitStatus.interrupted }
                return nil
            }
            // The first to end decides; the other is cancelled and waited for, so that the loops are stopped.
            var status: Int32?
            for await ended in group {
                status = status ?? ended
                if status != nil { group.cancelAll() }
            }
            return status ?? ExitStatus.internalError
        }
    }

    /// The exit status of `body`; its error is told.
    static func run(_ body: () async throws -> Int32) async -> Int32 {
        DescriptorLimit.raise()
        do {
            return try await body()
        } catch {
            StandardError.write("error: \(error)")
            return RunFailure.exitStatus(of: error)
        }
    }
}

/// What a generator reads that is led over its standard input.
enum GeneratorOrder: Equatable {
    case start
    /// The end of publishing, or of liking.
    case stop
    /// Everything that was written, by channel name: what every viewer has to get.
    case expect([String: ChannelComments])
    /// What the crowd does from now on; of a swarm with `--stages`.
    case stage(LoadStage)

    private struct Members: Decodable {
        var expect: [String: ChannelComments]?
        var stage: LoadStage?
    }

    init?(line: String) {
        switch line.trimmingCharacters(in: .whitespacesAndNewlines) {
        case "start": self = .start
        case "stop": self = .stop
        default:
            let read = try? JSONDecoder().decode(Members.self, from: Data(line.utf8))
            if let written = read?.expect {
                self = .expect(written)
            } else if let stage = read?.stage {
                self = .stage(stage)
            } else {
                return nil
            }
        }
    }
}

/// The orders on standard input, read on a thread of their own since a read from a pipe blocks.
struct GeneratorOrders {
    /// Lines that wait; more than the few that the protocol knows mean that nobody follows it.
    private static let linesMax = 16

    private var lines: AsyncStream<String>.Iterator

    init() {
        let (lines, continuation) = AsyncStream.makeStream(
            of: String.self, bufferingPolicy: .bufferingOldest(GeneratorOrders.linesMax))
        self.lines = lines.makeAsyncIterator()
        // Not joined at the end: nothing can interrupt its read, and it holds nothing that matters.
        let thread = Thread {
            while let line = readLine() { continuation.yield(line) }
            continuation.finish()
        }
        thread.name = "stdin"
        thread.start()
    }

    /// Waits for `order`: what it returns is not `nil`. Orders that it does not know are told and passed over.
    @discardableResult
    mutating func wait<Answer>(for order: (GeneratorOrder) -> Answer?) async throws(RunFailure) -> Answer {
        while let line = await lines.next() {
            if let answer = GeneratorOrder(line: line).flatMap(order) { return answer }
            StandardError.write("warning: not an order: \(line.prefix(200))")
        }
        throw Task.isCancelled ? .interrupted : .ordersMissing
    }
}

extension GeneratorMessage {
    var line: String { JSONLine.text(self) }
}

enum JSONLine {
    /// One line, members sorted, so that two runs can be compared.
    static func text(_ value: some Encodable, pretty: Bool = false) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        // Our own values hold no infinite number and no other thing that JSON lacks.
        guard let data = try? encoder.encode(value) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
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
