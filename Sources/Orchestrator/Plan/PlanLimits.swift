import Foundation

/// One thing that can run out.
struct PlanLimit: Codable, Equatable, Sendable {
    enum Name: String, Codable, CaseIterable, Sendable {
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
    /// Comments per second, over all streams.
    let rate: Double
    /// Channels that somebody watches.
    let channels: Int

    /// Of each channel, as the service keeps it.
    static let historyLength = 1_000.0
    static let historySeconds = 3_600.0
    static let nodesMax = 1_000
    /// From here on a Reader counts as overloaded.
    static let loadMax = 0.9999

    // MARK: Readers

    func readers(_ demand: PlanDemand) -> [PlanLimit] {
        let limits = Capacity(perProcess: host.descriptors)
        let memory =
            costs.reader.processBytes
            + demand.viewers * (costs.reader.connectionBytes + costs.reader.connectionKernelBytes)
            + demand.channels * costs.reader.subscriptionBytes
        return [
            PlanLimit(
                name: .descriptors, unit: "connections", need: demand.viewers * costs.reader.descriptorsPerConnection,
                room: Double(limits.viewersPerProcess)),
            PlanLimit(name: .memory, unit: "bytes", need: memory, room: host.memoryBytes * host.fill),
            PlanLimit(name: .cpu, unit: "cores", need: cores(demand), room: Double(host.cores) * host.fill),
            PlanLimit(
                name: .network, unit: "bytes/s",
                need: demand.deliveriesPerSecond * (costs.reader.deliveryBytes + Calibration.packetBytes)
                    + demand.messagesPerSecond * costs.redis.deliveryBytes,
                room: host.networkBytesPerSecond * host.fill),
            PlanLimit(name: .latency, unit: "ms", need: latency(demand), room: p99Milliseconds),
        ]
    }

    private func cores(_ demand: PlanDemand) -> Double {
        (demand.deliveriesPerSecond * costs.reader.deliveryCPUMicroseconds
            + demand.messagesPerSecond * costs.reader.messageCPUMicroseconds) / 1e6
    }

    /// The last viewer of a channel waits until all before it are written, its loops side by side; and whatever is to be
    /// done waits for what was there before, by 1/(1-load) as in a queue with one server (M/M/1).
    ///
    /// The measured p99 has both in it at the load and channel of the calibration: they are taken out of it first.
    func latency(_ demand: PlanDemand) -> Double {
        // A queue that is overloaded grows without end; a report can only hold numbers.
        let load = min(cores(demand) / Double(host.cores), PlanLimits.loadMax)
        let delivery = costs.reader.deliveryCPUMicroseconds / 1000
        let measuredRound = costs.reader.p99Viewers * delivery
        let rest = max(0, costs.reader.p99Milliseconds * (1 - min(costs.reader.p99Load, 0.95)) - measuredRound)
        let round = demand.hottestPart / Double(host.cores) * delivery
        return (rest + round) / (1 - load)
    }

    // MARK: Redis

    /// Channels are divided over independent nodes; a node has one thread for commands.
    func redis(_ demand: PlanDemand, nodes: Int) -> [PlanLimit] {
        let nodes = Double(max(1, nodes))
        let hottest = microseconds(demand.hottestPublishesPerSecond, demand.hottestRedisDeliveriesPerSecond) / 1e6
        let all = microseconds(rate, demand.redisDeliveriesPerSecond) / 1e6
        // The node with the hottest channel has its part of the others, too.
        let busiest = hottest + (all - hottest) / nodes
        return [
            PlanLimit(name: .redisCPU, unit: "cores", need: busiest, room: host.fill),
            PlanLimit(name: .hottestChannel, unit: "cores", need: hottest, room: host.fill),
            PlanLimit(
                name: .redisMemory, unit: "bytes", need: costs.redis.processBytes + data(demand) / nodes,
                room: host.memoryBytes * host.fill),
            PlanLimit(
                name: .redisNetwork, unit: "bytes/s",
                need: demand.redisDeliveriesPerSecond * costs.redis.deliveryBytes / nodes,
                room: host.networkBytesPerSecond * host.fill),
        ]
    }

    /// The smallest number of nodes; `nil` when no number suffices.
    func nodes(_ demand: PlanDemand) -> Int? {
        func holds(_ nodes: Int) -> Bool { redis(demand, nodes: nodes).allSatisfy(\.holds) }
        guard holds(PlanLimits.nodesMax) else { return nil }
        // What a node needs falls with their number.
        var (low, high) = (1, PlanLimits.nodesMax)
        while low < high {
            let middle = (low + high) / 2
            if holds(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private func microseconds(_ publishes: Double, _ deliveries: Double) -> Double {
        publishes * costs.redis.publishCPUMicroseconds + deliveries * costs.redis.deliveryCPUMicroseconds
    }

    /// Subscriptions, and the comments that are kept: never more of a channel than its history holds.
    private func data(_ demand: PlanDemand) -> Double {
        let kept = min(PlanLimits.historyLength * Double(channels), rate * PlanLimits.historySeconds)
        return Double(channels) * costs.redis.channelBytes + demand.subscriptions * costs.redis.subscriptionBytes
            + kept * costs.redis.historyBytes
    }
}
