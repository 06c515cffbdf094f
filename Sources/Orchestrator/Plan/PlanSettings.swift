import ArgumentParser
import Audience
import Options
import Placement
import Report

/// Every parameter of a plan, as `plan` reads it.
struct PlanSettings: ParsableArguments, AudienceSettings {
    @Option("Streams, 1 to 1,000,000.", within(1...Audience.channelsMax)) @Checked var streams = 90_000
    @Option("Viewers, 1 to 20,000,000.", within(1...20_000_000)) @Checked var viewers = 2_000_000
    @Option("Comments per second over all streams, 0.01 to 10,000,000.", within(0.01...10_000_000))
    @Checked var rate = 100.0
    @Option("99% of the deliveries within so many ms, 1 to 600,000.", within(1...600_000.0)) @Checked var p99 = 500.0
    @Option("reference, uniform, zipf:<exponent>, flash or flash:<share>.", anyAudience)
    @Checked var audience = AudienceSpec.zipf(exponent: 1)
    @Option("Placements, separated by commas.", placementList)
    @Checked var placement: [PlacementStrategy] = [.random, .rendezvous, .overflow]
    @Option("The same seed makes the same audience, 0 to 2^64-1.", anySeed) @Checked var seed: UInt64 = 1
    @Option("Cores of a Reader's machine, 1 to 1,024; those of the calibration's.", optional(within(1...1_024)))
    @Checked var cores: Int? = nil
    @Option("Its memory in GiB, 0.25 to 65,536.", optional(within(0.25...65_536))) @Checked var memory: Double? = nil
    @Option("Its network in Gbit/s, 0.01 to 1,000.", within(0.01...1_000)) @Checked var network = 10.0
    @Option("Descriptors of a Reader process, 256 and more.", optional(within(256...100_000_000)))
    @Checked var descriptors: Int? = nil
    @Option(
        "Part of cores, memory and network that may be used, 0.05 to 1: the rest is for what nobody planned.",
        within(0.05...1))
    @Checked var fill = 0.7
    @Option(
        "Does this number of Readers suffice? 2 to 1,000; without it the smallest is looked for.",
        optional(within(2...Planner.readersMax)))
    @Checked var readers: Int? = nil
    @Option(help: "The file of 'Orchestrator calibrate'.", transform: fileName)
    @Checked var calibration = CalibrationSettings.standard.file
    @Flag(help: "Let a plan go beyond the loads that the calibration measured.") var extrapolate = false
    @Flag(help: "Run the planned topology, and one Reader fewer, on this machine: prediction beside measurement.")
    var check = false
    @Option(
        help: "Loads that were not used for the fit: all, or some of \(PlanCheck.names.joined(separator: ", ")).",
        transform: parsed([], PlanCheck.parse))
    @Checked var checkPoints: [String] = []
    @Option("Runs of each load that is checked, 1 to 100.", within(1...100)) @Checked var runs = 5
    @Option("Seconds of each, 1 to 600.", within(1...600.0)) @Checked var duration = 4.0

    var title: String { "Plan: \(Format.grouped(streams)) streams, \(Format.grouped(viewers)) viewers" }

    /// Whether anything is measured.
    var measures: Bool { check || !checkPoints.isEmpty }

    /// With a host like `machine`, the one of the calibration, where nothing was typed about it.
    func on(_ machine: Report.Environment) -> PlanSettings {
        var settings = self
        settings.cores = cores ?? machine.cores
        settings.memory = memory ?? (Double(machine.memoryBytes) / Double(1 << 30) * 10).rounded() / 10
        settings.descriptors = descriptors ?? machine.descriptorsMax
        return settings
    }

    var host: PlanHost {
        PlanHost(
            cores: cores ?? 0, memoryGiB: memory ?? 0, networkGbit: network, descriptors: descriptors ?? 0, fill: fill)
    }
}

/// The machine that one Reader has for itself, and one Redis node.
struct PlanHost: Equatable, Sendable {
    var cores: Int
    var memoryGiB: Double
    var networkGbit: Double
    var descriptors: Int
    /// Part of processor, memory and network that may be used.
    var fill: Double

    var memoryBytes: Double { memoryGiB * Double(1 << 30) }
    var networkBytesPerSecond: Double { networkGbit * 1e9 / 8 }
}
