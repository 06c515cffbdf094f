import ArgumentParser
import Audience
import Foundation
import Options
import Placement
import Report
import Testbed

/// Every parameter of one sweep, as `sweep` reads it: a grid, and what is the same in all of its cells.
struct SweepSettings: ParsableArguments {
    @Option("Numbers of streams.", wholeNumbers(1...1_000_000)) @Checked var streams = [10, 100, 1_000]
    @Option("Numbers of viewers.", wholeNumbers(1...1_000_000)) @Checked var viewers = [250, 2_500]
    @Option("Numbers of Readers: 3,5,10 or 3..5; each is a process on this machine, 1 to 100.", readerNumbers(max: 100))
    @Checked var readers = [3, 5, 10]
    @Option("reference, uniform, zipf:<exponent>, flash or flash:<share>.", anyAudience)
    @Checked var audience = AudienceSpec.reference
    @Option("Placements, separated by commas.", placementList)
    @Checked var placement: [PlacementStrategy] = [.random, .overflow]
    @Option("The same seed makes the same audiences, 0 to 2^64-1.", anySeed) @Checked var seed: UInt64 = 1
    @Option("Comments per second in each cell, 0.1 to 100,000.", within(0.1...100_000)) @Checked var rate = 50.0
    @Option("Seconds of publishing in each cell, 1 to 3,600.", within(1...3_600.0)) @Checked var duration = 5.0

    @Option("Masters of a Redis Cluster, 1 to 30; one Redis, if left out.", optional(within(1...30)))
    @Checked var redisNodes: Int? = nil
    @Option("Replicas of each of them, 0 to 3.", within(0...3)) @Checked var redisReplicas = 0

    static let cellsMax = 1_000

    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func checked() throws(Failure) -> SweepSettings {
        var problems = refused(["--redis-replicas"], if: redisNodes == nil, "means nothing without --redis-nodes")
        if cells.count > SweepSettings.cellsMax {
            problems.append(
                "--streams, --viewers, --readers, --placement: \(cells.count) cells; take at most"
                    + " \(SweepSettings.cellsMax), or several sweeps")
        }
        return try valid(problems)
    }

    /// The whole grid. Placements lie next to each other, so that those of one audience are measured one after the other.
    var cells: [SweepCell] {
        streams.flatMap { streams in
            viewers.flatMap { viewers in
                readers.flatMap { readers in
                    placement.map {
                        SweepCell(streams: streams, viewers: viewers, readers: readers, placement: $0)
                    }
                }
            }
        }
    }

    /// The run that fills a cell.
    func run(_ cell: SweepCell) -> RunSettings {
        var run = RunSettings.standard
        (run.streams, run.viewers, run.readers, run.placement) = (
            cell.streams, cell.viewers, cell.readers, cell.placement
        )
        (run.audience, run.seed, run.rate, run.duration) = (audience, seed, rate, duration)
        (run.redisNodes, run.redisReplicas) = (redisNodes, redisReplicas)
        // The page shows how far each cell is from the formula; a cell is as short as was asked for.
        run.allowed = [.small, .spread]
        return run
    }

    /// The audience and the number of Readers that the page looks at closely: those nearest to the reference run.
    var shown: SweepCell? {
        func nearest(_ numbers: [Int], to wanted: Double) -> Int? {
            numbers.min { abs(log2(Double($0) / wanted)) < abs(log2(Double($1) / wanted)) }
        }
        guard let streams = nearest(streams, to: 100), let viewers = nearest(viewers, to: 2_500),
            let readers = nearest(readers, to: 5)
        else { return nil }
        return SweepCell(streams: streams, viewers: viewers, readers: readers, placement: .random)
    }

    /// The command that repeats it.
    var commandLine: String { commandLine("sweep") }
}

/// One point of the grid.
struct SweepCell: Codable, Hashable, Sendable {
    var streams: Int
    var viewers: Int
    var readers: Int
    var placement: PlacementStrategy

    /// The name of its folder.
    var id: String { "\(streams)-streams-\(viewers)-viewers-\(readers)-readers-\(placement.rawValue)" }
    var name: String {
        "\(audience.name), \(readers) Readers, \(placement.rawValue)"
    }

    struct Audience: Hashable, Sendable {
        var streams: Int
        var viewers: Int

        var name: String { "\(Format.grouped(streams)) streams, \(Format.grouped(viewers)) viewers" }
    }

    var audience: Audience { Audience(streams: streams, viewers: viewers) }
}
