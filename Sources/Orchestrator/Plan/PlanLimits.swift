import Audience
import Foundation
import Report
import Testbed

/// One thing that can run out.
struct PlanLimit: Equatable, Sendable {
    enum Name: String, CaseIterable, Sendable {
        case descriptors
        case memory = "Reader memory"
        case cpu = "Reader CPU"
        case network = "Reader network"
        case latency = "latency p99"
        case redisCPU = "Redis CPU: deliveries/s"
        case redisMemory = "Redis memory"
        case redisNetwork = "Redis network"
        case hottestChannel = "Redis CPU: hottest channel"
    }

    var name: Name
    var unit: String
    /// What is needed, of the busiest Reader or on each Redis node.
    var need: Double
    /// What there is, the part that stays free already taken off.
    var room: Double

    /// Part of the room that is left; negative when it does not suffice.
    var headroom: Double { room > 0 ? 1 - need / room : -1 }
    var holds: Bool { need <= room }
}

/// Holds demands against what Readers and Redis nodes have.
struct PlanLimits: Sendable {
    let costs: Calibration
    let host: PlanHost
    let p99Milliseconds: Double
    /// Channels that somebody watches.
    let channels: Int

    /// Of each channel, as the service keeps it.
    static let historyLength = 1_000.0
    static let historySeconds = 3_600.0
    static let nodesMax = 1_000
    /// How far a plan goes beyond the largest load that was measured before it says so.
    static let beyondMax = 1.25
    /// For a report, which can hold numbers only: of a Reader that cannot keep up.
    static let overloadedMilliseconds = 1e9

    private var fanout: FanoutCosts { costs.loopCosts }
    /// Of a Reader: a loop for each core.
    var model: FanoutModel { FanoutModel(fanout, loops: host.cores) }

    // MARK: Readers

    func readers(_ demand: PlanDemand) -> [PlanLimit] {
        let limits = Capacity(perProcess: host.descriptors)
        let busiest = demand.busiest
        let memory =
            costs.reader.processBytes
            + demand.viewers * (costs.reader.connectionBytes + costs.reader.connectionKernelBytes)
            + demand.channels * costs.reader.subscriptionBytes
        return [
            PlanLimit(
                name: .descriptors, unit: "connections", need: demand.viewers * costs.reader.descriptorsPerConnection,
                room: Double(limits.viewersPerProcess)),
            PlanLimit(name: .memory, unit: "bytes", need: memory, room: host.memoryBytes * host.fill),
            PlanLimit(name: .cpu, unit: "cores", need: coresNeeded(busiest), room: Double(host.cores) * host.fill),
            PlanLimit(
                name: .network, unit: "bytes/s",
                need: bytesPerSecond(busiest), room: host.networkBytesPerSecond * host.fill),
            PlanLimit(name: .latency, unit: "ms", need: latency(busiest), room: p99Milliseconds),
        ]
    }

    /// Loops that have time write more often than they must. What a Reader needs is what passes cost that are as slow as the
    /// promised latency allows; what it will use stands beside, see ``FanoutModel/Prediction/cores``.
    private func coresNeeded(_ load: ReaderLoad) -> Double {
        let pass = max(0.001, (p99Milliseconds / 1000 - fanout.base) / max(fanout.passes, 1e-9))
        return model.coresNeeded(load.channels, connections: load.connections, pass: pass)
    }

    /// Events that are written together share packets.
    private func bytesPerSecond(_ load: ReaderLoad) -> Double {
        let writes = model.predict(load.channels, connections: load.connections).writesPerSecond
        let bytes = load.deliveriesPerSecond * costs.reader.deliveryBytes
        return bytes + (writes + bytes / Calibration.packetBytesMax) * Calibration.packetBytes
            + load.messagesPerSecond * costs.redis.deliveryBytes
    }

    func latency(_ load: ReaderLoad) -> Double {
        let p99 = model.predict(load.channels, connections: load.connections).p99 * 1000
        return min(p99, PlanLimits.overloadedMilliseconds)
    }

    /// What of a demand is far beyond every load that was measured; each a sentence.
    func beyondMeasured(_ demand: PlanDemand) -> [String] {
        let range = costs.range
        return [
            ("connections of a Reader", demand.viewers, range.connections),
            ("viewers of one channel on a Reader", demand.busiest.hottestPart, range.channelViewers),
            ("messages a second to a Reader", demand.busiest.messagesPerSecond, range.messagesPerSecond),
            ("events a second of a Reader", demand.busiest.deliveriesPerSecond, range.deliveriesPerSecond),
        ].compactMap { what, value, most -> String? in
            guard value > most * PlanLimits.beyondMax else { return nil }
            return
                "\(Format.grouped(Int(value))) \(what): the calibration measured \(Format.grouped(Int(most))) at most"
        }
    }

    // MARK: CommentAPI

    /// CommentAPIs that take so many comments, and one more that may be lost.
    func commentAPIs(_ commentsPerSecond: Double) -> Int {
        let cores = commentsPerSecond * costs.commentAPIMicroseconds / 1e6
        return max(1, Int((cores / (Double(host.cores) * host.fill)).rounded(.up))) + 1
    }

    // MARK: Redis

    /// Channels are divided over the masters of a cluster by their slots; a node has one thread for commands.
    func redis(_ demand: PlanDemand, nodes: Int) -> [PlanLimit] {
        let parts = demand.redis.nodes(max(1, nodes))
        let hottest = cores(demand.redis.hottest)
        let busiest = parts.map(cores).max() ?? 0
        let deliveries = parts.map(\.deliveries).max() ?? 0
        return [
            PlanLimit(name: .redisCPU, unit: "cores", need: busiest, room: host.fill),
            PlanLimit(name: .hottestChannel, unit: "cores", need: hottest, room: host.fill),
            PlanLimit(
                name: .redisMemory, unit: "bytes",
                need: costs.redis.processBytes + data(demand) / Double(max(1, nodes)),
                room: host.memoryBytes * host.fill),
            PlanLimit(
                name: .redisNetwork, unit: "bytes/s",
                need: deliveries * costs.redis.deliveryBytes,
                room: host.networkBytesPerSecond * host.fill),
        ]
    }

    /// The smallest number of nodes; `nil` when no number suffices.
    func nodes(_ demand: PlanDemand) -> Int? {
        let holds = { redis(demand, nodes: $0).allSatisfy(\.holds) }
        return holds(PlanLimits.nodesMax) ? (1...PlanLimits.nodesMax).first(where: holds) : nil
    }

    private func cores(_ load: SlotLoad.Load) -> Double {
        (load.publishes * costs.redis.publishCPUMicroseconds + load.deliveries * costs.redis.deliveryCPUMicroseconds)
            / 1e6
    }

    /// Subscriptions, and the comments that are kept: never more of a channel than its history holds.
    private func data(_ demand: PlanDemand) -> Double {
        let kept = min(
            PlanLimits.historyLength * Double(channels), demand.commentsPerSecond * PlanLimits.historySeconds)
        return Double(channels) * costs.redis.channelBytes + demand.subscriptions * costs.redis.subscriptionBytes
            + kept * costs.redis.historyBytes
    }
}
