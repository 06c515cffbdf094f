import Audience
import Foundation
import Placement
import Report

/// Every parameter of one sweep: a grid, and what is the same in all of its cells.
struct SweepSettings: Codable, Equatable, Sendable {
    var streams = [10, 100, 1_000]
    var viewers = [250, 2_500]
    var readers = [3, 5, 10]
    var placements: [PlacementStrategy] = [.random, .overflow]
    var audience = AudienceSpec.reference
    var seed: UInt64 = 1
    /// Comments per second in each cell, over all streams.
    var rate = 50.0
    /// Of publishing, in each cell.
    var durationSeconds = 5.0

    /// The whole grid. Placements lie next to each other, so that those of one audience are measured one after the other.
    var cells: [SweepCell] {
        streams.flatMap { streams in
            viewers.flatMap { viewers in
                readers.flatMap { readers in
                    placements.map {
                        SweepCell(streams: streams, viewers: viewers, readers: readers, placement: $0)
                    }
                }
            }
        }
    }

    /// The run that fills a cell.
    func run(_ cell: SweepCell) -> RunSettings {
        var run = RunSettings()
        run.streams = cell.streams
        run.viewers = cell.viewers
        run.readers = cell.readers
        run.placement = cell.placement
        run.audience = audience
        run.seed = seed
        run.rate = rate
        run.durationSeconds = durationSeconds
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
    var commandLine: String {
        [
            "Orchestrator sweep", "--streams \(NumberList(numbers: streams))",
            "--viewers \(NumberList(numbers: viewers))", "--readers \(ReaderRange(numbers: readers))",
            "--placement \(placements.map(\.rawValue).joined(separator: ","))", "--audience \(audience)",
            "--rate \(Format.plain(rate))", "--duration \(Format.plain(durationSeconds))", "--seed \(seed)",
        ].joined(separator: " ")
    }
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

/// Whole numbers separated by commas, as `--streams` and `--viewers` of `sweep` name them.
struct NumberList: Equatable, Sendable, CustomStringConvertible {
    static let numbersMax = 32

    /// Ascending, none twice.
    let numbers: [Int]

    var description: String { numbers.map(String.init).joined(separator: ",") }

    static func parse(_ text: String, in range: ClosedRange<Int>) throws(InvalidParameter) -> NumberList {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count <= numbersMax, numbers.allSatisfy({ $0.map(range.contains) ?? false }) else {
            throw InvalidParameter(
                name: "numbers", value: text,
                expected:
                    "1 to \(numbersMax) whole numbers from \(range.lowerBound) to \(range.upperBound), separated by"
                    + " commas, for instance 10,100")
        }
        return NumberList(numbers: Set(numbers.compactMap { $0 }).sorted())
    }
}
