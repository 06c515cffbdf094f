import Audience
import Foundation
import Options
import Placement
import Report
import Testbed

/// The preset `million`: how many processes a crowd takes, and what must hold of it.
enum CrowdPlan {
    /// A Reader of overflow placement has at most so many times the mean.
    static let fullest = 1.125
    static let readersMin = 4
    static let readersMax = 100

    static let connectSecondsMax = 360.0
    static let heartbeatCoresMax = 0.5
    /// At the first rate, and where raising it ends.
    static let firstP99SecondsMax = 2.0
    static let lastP99SecondsMax = 5.0
    static let recoverySecondsMax = 10.0

    /// From one rate to the next.
    static let rateFactor = 1.5
    static let rateMax = 1_000.0
    /// The share of a rate's comments that have to be acknowledged; with fewer the rate was asked for, but not reached.
    static let achievedMin = 0.95
    /// For the last comments of a stage, and of everything.
    static let settleSeconds = 30.0
    /// Connects under way at once, of all generators together: more only wait in the queues of Readers and Redis, which
    /// share the processors with them.
    static let connectsInProgress = 2_000
    /// Comments under way at once, of all generators together.
    static let publishConnections = 448

    static var preset: RunSettings {
        var settings = RunSettings.standard
        (settings.streams, settings.viewers, settings.rate) = (90_000, 1_000_000, 5)
        (settings.audience, settings.churn) = (.zipf(exponent: 1), 0.06)
        return settings
    }

    /// As many as the descriptors ask for when one of them is lost.
    static func readers(for viewers: Int, _ capacity: Capacity) -> Int {
        let needed = Int((Double(viewers) * fullest / Double(capacity.viewersPerProcess)).rounded(.up)) + 1
        return min(max(needed, readersMin), readersMax)
    }

    /// Viewers of the fullest Reader when one of them is lost.
    static func viewersOnFullest(_ viewers: Int, readers: Int) -> Int {
        Int((Double(viewers) * fullest / Double(max(readers - 1, 1))).rounded(.up))
    }

    /// After so long the run says how far it came.
    static func connectSeconds(_ viewers: Int) -> Double { 120 + Double(viewers) / 400 }
}

/// The machine while a crowd comes, as the kernel tells it.
struct MachineSample: Sendable {
    var seconds: Double
    /// Both ends of connections of this machine.
    var sockets: Int
    var memoryAvailable: Int
    var memory: Int
    /// Of all processors, since the machine's start.
    var cpuSeconds: Double

    /// Part of the memory below which nothing more is started: the kernel would begin to kill.
    static let memoryShareMin = 0.04

    static func now(seconds: Double = 0) -> MachineSample {
        let memory = KernelFigures.text("/proc/meminfo")
        return MachineSample(
            seconds: seconds, sockets: KernelFigures.socketsInUse(KernelFigures.text("/proc/net/sockstat")),
            memoryAvailable: KernelFigures.kilobytes("MemAvailable:", in: memory) << 10,
            memory: KernelFigures.kilobytes("MemTotal:", in: memory) << 10,
            cpuSeconds: KernelFigures.machineCPUSeconds())
    }

    var isShortOfMemory: Bool { Double(memoryAvailable) < MachineSample.memoryShareMin * Double(memory) }
}

/// What kept a crowd from being larger.
enum CrowdLimit {
    /// - Parameters:
    ///   - samples: while it came.
    ///   - fullest: viewers of the fullest Reader.
    static func text(
        _ samples: [MachineSample], processors: Int, fullest: Int, _ capacity: Capacity
    ) -> String {
        guard let last = samples.last else { return "nobody came" }
        if last.isShortOfMemory {
            return "memory: \(Format.bytes(last.memoryAvailable)) of \(Format.bytes(last.memory)) were left"
        }
        if fullest >= capacity.viewersPerProcess {
            return "descriptors: the fullest Reader had \(Format.grouped(fullest)) viewers of"
                + " \(Format.grouped(capacity.perProcess)) descriptors"
        }
        if let tracked = capacity.trackedConnectionsMax, last.sockets / 2 >= tracked / 100 * 98 {
            return "the table of tracked connections (net.netfilter.nf_conntrack_max) was full"
        }
        // Over the last half: the first connects find an empty machine.
        let start = samples[samples.count / 2]
        let cores = (last.cpuSeconds - start.cpuSeconds) / max(last.seconds - start.seconds, 1e-9)
        if last.seconds > start.seconds, cores > 0.9 * Double(processors) {
            return "time and processors: \(Format.decimal(cores, 2)) of \(processors) cores were busy until"
                + " \(Format.decimal(last.seconds, 0)) s were over"
        }
        return "connects that were refused or took too long, with \(Format.decimal(cores, 2)) of \(processors) cores"
            + " busy; see the logs of the Readers and swarms"
    }
}
