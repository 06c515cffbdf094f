import Audience
import Foundation
import Placement
import Report
import Testbed

/// Puts loads on this machine that the calibration did not measure, and holds the plan's model against them.
struct PlanCheck: Sendable {
    let settings: PlanSettings
    let costs: Calibration
    let answers: [PlanAnswer]

    /// How far a prediction may be off: parts of what was measured.
    static let coresMax = 0.15
    static let p99Max = 0.3
    static let kneeMax = 0.15
    /// Of what is planned, a part of this machine's cores that all processes together may need.
    static let machineLoadMax = 0.8
    /// The knee: more comments than this p99 stands for are too many.
    static let kneeSeconds = 1.0

    /// The loads of `docs/BENCHMARKS.md`, by its letters, and some more; none is on the grid of the calibration.
    static let references: [(name: String, load: ProbeLoad)] = [
        ("C", ProbeLoad(viewers: 10_000, rate: 200)), ("C2", ProbeLoad(viewers: 10_000, rate: 500)),
        ("D", ProbeLoad(viewers: 1_000, rate: 50)), ("G1", ProbeLoad(viewers: 1_000, rate: 10)),
        ("G2", ProbeLoad(viewers: 2_000, rate: 10)), ("G3", ProbeLoad(viewers: 5_000, rate: 10)),
        ("G4", ProbeLoad(viewers: 10_000, rate: 10)), ("G5", ProbeLoad(viewers: 18_000, rate: 10)),
        ("G6", ProbeLoad(streams: 10, viewers: 10_000, rate: 20)),
        ("G7", ProbeLoad(streams: 100, viewers: 10_000, rate: 200)),
        ("G8", ProbeLoad(streams: 1_000, viewers: 10_000, rate: 2_000)),
        ("X1", ProbeLoad(viewers: 2_000, rate: 40)),
        ("X2", ProbeLoad(streams: 200, viewers: 5_000, rate: 50, audience: .zipf(exponent: 1), readers: 2)),
        (
            "X3",
            ProbeLoad(
                streams: 500, viewers: 4_000, rate: 60, audience: .zipf(exponent: 1), readers: 3, placement: .overflow)
        ),
    ]
    static let knee = "knee"
    static let names = references.map(\.name) + [knee]

    static func parse(_ text: String) throws(InvalidParameter) -> [String] {
        if text == "all" { return names }
        let wanted = text.split(separator: ",").map(String.init)
        guard !wanted.isEmpty, wanted.allSatisfy(names.contains) else {
            throw InvalidParameter(
                name: "--check-points", value: text,
                expected: "all, or some of \(names.joined(separator: ", ")), separated by commas")
        }
        return wanted
    }

    /// What is predicted for a load, and what was measured.
    struct Outcome: Sendable {
        var name: String
        var load: ProbeLoad
        var cores: Double
        var p99: Double
        /// Of the runs that said something.
        var measured: [ProbeResult] = []
        /// Why the others did not.
        var problems: [String] = []
        /// What has to hold instead of the closeness of both: p99 on this side of the knee.
        var isBelowKnee: Bool?

        private func median(_ values: [Double]) -> Double? {
            values.isEmpty ? nil : values.sorted()[values.count / 2]
        }
        var measuredCores: Double? { median(measured.map(\.cores)) }
        var measuredP99: Double? { median(measured.compactMap(\.p99)) }
        var range: ClosedRange<Double>? {
            let all = measured.compactMap(\.p99)
            return all.min().flatMap { low in all.max().map { low...$0 } }
        }

        /// What does not hold.
        var faults: [String] {
            guard let measuredCores, let measuredP99, let range else {
                return ["nothing was measured: \(problems.first ?? "no run")"]
            }
            if let isBelowKnee {
                let isBelow = measuredP99 < PlanCheck.kneeSeconds
                return isBelow == isBelowKnee
                    ? [] : ["p99 was \(Format.decimal(measuredP99, 2)) s, \(isBelow ? "below" : "above") the knee"]
            }
            var faults: [String] = []
            if abs(cores / measuredCores - 1) > PlanCheck.coresMax {
                faults.append(
                    "\(Format.decimal(measuredCores, 3)) cores, \(Format.decimal(cores, 3)) predicted")
            }
            if abs(p99 / measuredP99 - 1) > PlanCheck.p99Max, !range.contains(p99) {
                faults.append(
                    "p99 \(Format.decimal(measuredP99 * 1000, 1)) ms, \(Format.decimal(p99 * 1000, 1)) ms predicted")
            }
            return faults
        }

        var check: Check {
            Check(
                "check \(name)", problems: faults.map { "\(load.name): \($0)" },
                else: "\(load.name): as predicted")
        }
    }

    // MARK: Loads

    var outcomes: [Outcome] {
        let plan = settings.check ? planned : []
        let points = PlanCheck.references.filter { settings.checkPoints.contains($0.name) }.map {
            predicted($0.name, $0.load)
        }
        return plan + points + (settings.checkPoints.contains(PlanCheck.knee) ? aroundTheKnee : [])
    }

    /// Of each placement the planned Readers, and one fewer.
    private var planned: [Outcome] {
        answers.flatMap { answer -> [Outcome] in
            guard let readers = answer.readers else { return [] }
            return [(readers, "planned"), (readers - 1, "one Reader fewer")].filter { $0.0 > 0 }.map { count, what in
                let (load, factor) = fitting(answer.placement, readers: count)
                let scale = factor > 1 ? ", 1/\(factor) of it" : ""
                return predicted("\(answer.placement.rawValue), \(count) Readers, \(what)\(scale)", load)
            }
        }
    }

    /// The plan, or the largest part of it that this machine holds with everything on it.
    private func fitting(_ placement: PlacementStrategy, readers: Int) -> (ProbeLoad, Int) {
        for factor in [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000] {
            let load = part(factor, placement, readers)
            if machineCores(load) <= PlanCheck.machineLoadMax * Double(ProcessInfo.processInfo.activeProcessorCount),
                load.viewers / load.readers < Capacity.ofThisMachine().viewersPerProcess / 2
            {
                return (load, factor)
            }
        }
        return (part(10_000, placement, readers), 10_000)
    }

    /// As many viewers and comments for a channel, and as many viewers for a Reader, as far as there are some.
    private func part(_ factor: Int, _ placement: PlacementStrategy, _ readers: Int) -> ProbeLoad {
        let streams = max(1, settings.streams / factor)
        return ProbeLoad(
            streams: streams, viewers: max(readers, settings.viewers / factor),
            rate: settings.rate * Double(streams) / Double(settings.streams), audience: settings.audience,
            readers: max(min(2, readers), readers / factor), placement: placement, seed: settings.seed,
            seconds: settings.duration)
    }

    private func machineCores(_ load: ProbeLoad) -> Double {
        guard let readers = try? loads(load) else { return .infinity }
        let model = FanoutModel(costs.loopCosts)
        return readers.reduce(load.rate * (costs.commentAPIMicroseconds + costs.redis.publishCPUMicroseconds) / 1e6) {
            let one = model.predict($1.channels, connections: $1.connections)
            return $0 + Double($1.readers) * (one.cores + one.writesPerSecond * costs.generatorMicroseconds / 1e6)
        }
    }

    private func loads(_ load: ProbeLoad) throws -> [ReaderLoad] {
        var model = PlanModel(try load.makeAudience(), rate: load.rate)
        return model.loads(load.placement, readers: load.readers)
    }

    func predicted(_ name: String, _ load: ProbeLoad) -> Outcome {
        var load = load
        load.seconds = settings.duration
        let model = FanoutModel(costs.loopCosts)
        let readers = (try? loads(load)) ?? []
        let all = readers.map { ($0, model.predict($0.channels, connections: $0.connections)) }
        let busiest = all.max { $0.0.deliveriesPerSecond < $1.0.deliveriesPerSecond }
        return Outcome(
            name: name, load: load, cores: all.reduce(0) { $0 + Double($1.0.readers) * $1.1.cores },
            p99: busiest?.1.p99 ?? 0)
    }

    /// One channel, with as much less and more comments than the knee as the prediction may be off.
    private var aroundTheKnee: [Outcome] {
        let viewers = 12_000
        var (low, high) = (1.0, 1e6)
        for _ in 0..<50 {
            let middle = (low * high).squareRoot()
            let p99 = predicted("", ProbeLoad(viewers: viewers, rate: middle)).p99
            if p99 < PlanCheck.kneeSeconds { low = middle } else { high = middle }
        }
        return [(1 - PlanCheck.kneeMax, true), (1 + PlanCheck.kneeMax, false)].map { factor, isBelow in
            var outcome = predicted(
                "knee at \(Format.grouped(Int(low))) comments/s, \(isBelow ? "less" : "more")",
                ProbeLoad(viewers: viewers, rate: (low * factor).rounded()))
            outcome.isBelowKnee = isBelow
            return outcome
        }
    }

    // MARK: Running

    func run(in folder: ReportFolder, _ binaries: Binaries) async throws -> [Outcome] {
        let progress = Progress()
        var outcomes = outcomes
        // Runs of one load are apart in time: what disturbs one must not disturb all.
        for run in 0..<settings.runs {
            for (index, one) in outcomes.enumerated() {
                progress.step("run \(run + 1) of \(settings.runs): \(one.name): \(one.load.name)")
                let probe = LoadProbe(load: one.load, capacity: .ofThisMachine())
                let result = try await probe.run(in: folder, "\(run + 1)-\(index + 1)", binaries)
                // At the knee comments may be late, or refused: that is what is looked for.
                if let problem = result.problem, one.isBelowKnee == nil || result.p99 == nil {
                    outcomes[index].problems.append(problem)
                } else {
                    outcomes[index].measured.append(result)
                }
            }
        }
        return outcomes
    }

    static func table(_ outcomes: [Outcome]) -> Table {
        var table = Table(
            "Prediction and measurement",
            [
                .init("load", .left), .init("name", .left), .init("cores predicted"), .init("measured"), .init("off"),
                .init("p99 ms predicted"), .init("measured"), .init("least–most"), .init("off"), .init("holds", .left),
            ])
        for one in outcomes {
            let (cores, p99) = (one.measuredCores, one.measuredP99)
            let range = one.range.map {
                "\(Format.decimal($0.lowerBound * 1000, 1))–\(Format.decimal($0.upperBound * 1000, 1))"
            }
            table.add([
                one.load.name, one.name, Format.decimal(one.cores, 3), Format.decimal(cores, 3),
                cores.map { Format.signedPercent(one.cores / $0 - 1) } ?? "-",
                one.p99.isFinite ? Format.decimal(one.p99 * 1000, 1) : "overloaded",
                Format.decimal(p99.map { $0 * 1000 }, 1), range ?? "-",
                p99.map { Format.signedPercent(one.p99 / $0 - 1) } ?? "-",
                one.faults.isEmpty ? "yes" : "no",
            ])
        }
        return table
    }
}
