import Primitives
import Testbed

/// Processor time of groups of processes, and of the whole machine, from its making on.
struct CoreMeter: Sendable {
    private let groups: [[Node]]
    private let before: [Double]
    private let machine = KernelFigures.machineCPUSeconds()
    private let start = ContinuousClock.now

    init(_ groups: [Node]...) {
        self.groups = groups
        before = groups.map(CoreMeter.cpuSeconds)
    }

    /// How long ago that was, and the cores that each group, and the machine, used in that time.
    func read() -> (seconds: Double, groups: [Double], machine: Double) {
        let seconds = (ContinuousClock.now - start).seconds
        let used = zip(groups.map(CoreMeter.cpuSeconds), before).map { ($0 - $1) / seconds }
        return (seconds, used, (KernelFigures.machineCPUSeconds() - machine) / seconds)
    }

    private static func cpuSeconds(_ nodes: [Node]) -> Double { nodes.reduce(0) { $0 + $1.cpuSeconds } }
}
