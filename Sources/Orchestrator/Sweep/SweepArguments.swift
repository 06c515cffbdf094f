import ArgumentParser
import Audience
import Foundation
import Placement
import Report
import Testbed

/// The options of `sweep` as they are typed.
struct SweepArguments: ParsableArguments {
    @Option(parsing: .unconditional, help: "Numbers of streams (10,100,1000).") var streams: String?
    @Option(parsing: .unconditional, help: "Numbers of viewers (250,2500).") var viewers: String?
    @Option(parsing: .unconditional, help: "Numbers of Readers: 3,5,10 or 3..5 (3,5,10).") var readers: String?
    @Option(parsing: .unconditional, help: "reference, uniform, zipf:<exponent>, flash or flash:<share> (reference).")
    var audience: String?
    @Option(parsing: .unconditional, help: "Placements, separated by commas (random,overflow).") var placement: String?
    @Option(parsing: .unconditional, help: "The same seed makes the same audiences, 0 to 2^64-1.") var seed: String?
    @Option(parsing: .unconditional, help: "Comments per second in each cell, 0.1 to 100,000 (50).") var rate: String?
    @Option(parsing: .unconditional, help: "Seconds of publishing in each cell, 1 to 3,600 (5).") var duration: String?

    static let cellsMax = 1_000

    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func settings() throws(Failure) -> SweepSettings {
        var check = ArgumentCheck()
        var settings = SweepSettings()
        readNumbers("--streams", streams, 1...Audience.channelsMax, &settings.streams, &check)
        readNumbers("--viewers", viewers, 1...1_000_000, &settings.viewers, &check)
        var range = ReaderRange(numbers: settings.readers)
        check.read("--readers", readers, with: ReaderRange.parse, into: &range)
        settings.readers = range.numbers
        if let most = range.numbers.last, most > 100 {
            check.refuse("--readers \(most): must be at most 100, each is a process on this machine")
        }
        check.read("--audience", audience, with: AudienceSpec.parse, into: &settings.audience)
        check.read("--placement", placement, with: PlacementStrategy.parseList, into: &settings.placements)
        check.readSeed("--seed", seed, into: &settings.seed)
        check.read("--rate", rate, 0.1...100_000, into: &settings.rate)
        check.read("--duration", duration, 1...3_600, into: &settings.durationSeconds)
        if settings.cells.count > SweepArguments.cellsMax {
            check.refuse(
                "--streams, --viewers, --readers, --placement: \(settings.cells.count) cells; take at most"
                    + " \(SweepArguments.cellsMax), or several sweeps")
        }
        guard check.problems.isEmpty else { throw .arguments(check.problems) }
        return settings
    }

    private func readNumbers(
        _ name: String, _ text: String?, _ range: ClosedRange<Int>, _ numbers: inout [Int], _ check: inout ArgumentCheck
    ) {
        var list = NumberList(numbers: numbers)
        let parse = { (text: String) throws(InvalidParameter) in try NumberList.parse(text, in: range) }
        check.read(name, text, with: parse, into: &list)
        numbers = list.numbers
    }

    /// What must not stand beside `--resume`: a sweep that goes on has its grid already.
    var typed: [String] {
        let all = [
            ("--streams", streams), ("--viewers", viewers), ("--readers", readers), ("--audience", audience),
            ("--placement", placement), ("--seed", seed), ("--rate", rate), ("--duration", duration),
        ]
        return all.filter { $0.1 != nil }.map(\.0)
    }
}

/// What a machine can hold, as far as it decides about cells.
struct SweepLimits: Equatable, Sendable {
    var descriptors: DescriptorLimits
    var memoryBytes: Int

    /// Resident memory of one service or swarm process without viewers, and of one viewer in the process and in the
    /// kernel, both ends of its connection counted: measured, and rounded up.
    static let processBytes = 48 << 20
    static let viewerBytes = 12 << 10

    static func ofThisMachine() -> SweepLimits {
        SweepLimits(descriptors: .ofThisProcess(), memoryBytes: Int(ProcessInfo.processInfo.physicalMemory))
    }

    /// Why a cell is left out; `nil` when it fits.
    func reason(against run: RunSettings) -> String? {
        if let problem = ProcessPlan.problems(with: run, limits: descriptors).first { return problem }
        let plan = ProcessPlan(run, limits: descriptors)
        let processes = plan.readers + plan.commentAPIs + plan.swarms + 2
        let needed = processes * SweepLimits.processBytes + run.viewers * SweepLimits.viewerBytes
        guard needed > memoryBytes * 8 / 10 else { return nil }
        return
            "\(processes) processes and \(run.viewers) viewers need about \(Format.bytes(needed)) of memory; the limit is"
            + " four fifths of \(Format.bytes(memoryBytes))"
    }

    var text: String {
        "\(Format.grouped(descriptors.viewersPerProcess)) connections a process (\(Format.grouped(descriptors.perProcess))"
            + " descriptors), 64 swarm processes, four fifths of \(Format.bytes(memoryBytes)) of memory"
    }
}
