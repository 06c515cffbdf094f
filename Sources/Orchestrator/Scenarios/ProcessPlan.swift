import Foundation
import Primitives
import Report
import Testbed

/// What this machine has for a crowd.
struct Capacity: Equatable, Sendable {
    /// Descriptors to which each process may raise its own limit.
    var perProcess: Int
    /// Memory that can be had without swapping.
    var memoryBytes = Int.max
    /// Connections from one address of this machine to one port.
    var portsEach = Int.max
    /// Connections of this machine with itself, where the kernel tracks them; `nil` where it does not.
    var trackedConnectionsMax: Int?

    /// For logs, Redis, listeners, and whatever else is not a viewer.
    static let reserve = 2_000
    /// Resident memory of one service or swarm process without viewers, and of one viewer in the process and in the
    /// kernel, both ends of its connection counted: measured, and rounded up.
    static let processBytes = 32 << 20
    static let viewerBytes = 10 << 10

    /// Viewers that one process can hold: a tenth of the descriptors is kept free on small limits.
    var viewersPerProcess: Int { max(perProcess - min(Capacity.reserve, perProcess / 10), 1) }

    static func ofThisMachine() -> Capacity {
        let available = KernelFigures.kilobytes("MemAvailable:", in: KernelFigures.text("/proc/meminfo")) << 10
        let ports = KernelFigures.text("/proc/sys/net/ipv4/ip_local_port_range").split(whereSeparator: \.isWhitespace)
            .compactMap { Int($0) }
        return Capacity(
            perProcess: DescriptorLimit.maximum,
            memoryBytes: available > 0 ? available : Int(ProcessInfo.processInfo.physicalMemory),
            portsEach: ports.count == 2 ? ports[1] - ports[0] + 1 : 28_232,
            trackedConnectionsMax: LoopbackTracking.room())
    }

    /// For the notes of a report.
    var text: String {
        "\(Format.grouped(viewersPerProcess)) connections a process (\(Format.grouped(perProcess)) descriptors),"
            + " 64 swarm processes, four fifths of \(Format.bytes(memoryBytes)) of memory,"
            + " \(Format.grouped(portsEach)) ports for connections to one Reader"
    }
}

/// How many processes a run needs.
struct ProcessPlan: Equatable, Sendable {
    var readers: Int
    var commentAPIs: Int
    var swarms: Int
    /// The number of viewers that the fullest Reader may be expected to hold.
    var viewersOnFullestReader: Int

    /// One swarm process for each `viewersPerProcess` viewers, or as many as were asked for.
    init(_ settings: RunSettings, _ capacity: Capacity) {
        readers = settings.readers
        commentAPIs = settings.commentApis
        let needed = ProcessPlan.swarms(settings.viewers, capacity)
        swarms = settings.preset == .seed ? 0 : settings.swarms ?? needed
        viewersOnFullestReader =
            settings.preset == .million
            ? CrowdPlan.viewersOnFullest(settings.viewers, readers: settings.readers)
            : ProcessPlan.fullest(viewers: settings.viewers, readers: settings.readers)
    }

    /// Generator processes for so many viewers.
    static func swarms(_ viewers: Int, _ capacity: Capacity) -> Int {
        (viewers + capacity.viewersPerProcess - 1) / capacity.viewersPerProcess
    }

    /// The mean and five standard deviations of the binomial distribution: chance goes beyond that in less than one of a
    /// million runs.
    static func fullest(viewers: Int, readers: Int) -> Int {
        guard readers > 1 else { return viewers }
        let share = 1 / Double(readers)
        let mean = Double(viewers) * share
        return min(viewers, Int((mean + 5 * (mean * (1 - share)).squareRoot()).rounded(.up)))
    }

    /// Why these settings do not fit on this machine, and what would; empty when they do.
    static func problems(with settings: RunSettings, _ capacity: Capacity) -> [String] {
        let plan = ProcessPlan(settings, capacity)
        let (viewers, readers, room) = (settings.viewers, settings.readers, capacity.viewersPerProcess)
        var problems: [String] = []
        func tooFewReaders(_ each: Int, _ reason: String) {
            guard plan.viewersOnFullestReader > each else { return }
            let enough = (readers...max(100, readers)).first { more in
                var settings = settings
                settings.readers = more
                return ProcessPlan(settings, capacity).viewersOnFullestReader <= each
            }
            let advice = enough.map { "take at least \($0) Readers, or" } ?? ""
            problems.append("--readers \(readers): \(viewers) viewers do not fit, \(reason); \(advice) raise the limit")
        }
        tooFewReaders(
            room, "a Reader holds \(room) connections (descriptors: \(capacity.perProcess), 'ulimit -Hn')")
        tooFewReaders(
            capacity.portsEach,
            "there are \(capacity.portsEach) ports for connections to one Reader (net.ipv4.ip_local_port_range)")
        if plan.swarms > 0, (viewers + plan.swarms - 1) / plan.swarms > room {
            problems.append(
                "--swarms \(plan.swarms): one swarm process holds \(room) viewers (descriptors: \(capacity.perProcess))"
            )
        }
        if let tracked = capacity.trackedConnectionsMax, viewers > tracked {
            problems.append(
                "--viewers \(viewers): the kernel tracks connections of this machine with itself (NAT rules, as a Docker"
                    + " engine makes them), and has room for \(tracked); raise net.netfilter.nf_conntrack_max, or leave"
                    + " loopback out: 'iptables -t raw -A OUTPUT -o lo -j NOTRACK' and '-A PREROUTING -i lo -j NOTRACK'"
            )
        }
        if plan.swarms > 64 {
            problems.append("--viewers \(viewers): would need \(plan.swarms) swarm processes; 64 are the most")
        }
        let processes =
            plan.readers + plan.commentAPIs + plan.swarms + settings.redisTopology.names.count + 1
        let (needed, limit) = (
            processes * Capacity.processBytes + viewers * Capacity.viewerBytes, capacity.memoryBytes / 10 * 8
        )
        if needed > limit {
            let fits = max(0, (limit - processes * Capacity.processBytes) / Capacity.viewerBytes)
            problems.append(
                "--viewers \(viewers): \(processes) processes and so many viewers need about \(Format.bytes(needed)) of"
                    + " memory; the limit is four fifths of \(Format.bytes(capacity.memoryBytes)), enough for"
                    + " \(fits) viewers")
        }
        return problems
    }
}
