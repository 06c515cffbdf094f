/// Commands on their way to the nodes of a cluster: which go where, which go again somewhere else, and the replies in the
/// order of the commands. Pure.
///
/// A transaction from `MULTI` to `EXEC` is sent as a whole, to the node of its first key.
struct ClusterPipeline {
    /// A command is redirected so often at most; then its last answer counts.
    static let redirectionsMax = 5

    /// What goes to one node in one pipeline.
    struct Batch: Equatable {
        /// `nil`: nobody has the slots.
        let node: RedisAddress?
        /// `ASKING` stands before each unit.
        let isAsking: Bool
        fileprivate(set) var units: [Int] = []
    }

    private struct Unit {
        let range: Range<Int>
        let slot: HashSlot?
        /// Where it was redirected to; `nil`: to the slot's owner.
        var target: ClusterRedirection?
        var sent = 0
        var isDone = false
    }

    private static let asking = RedisCommand("ASKING")

    let commands: [RedisCommand]
    private var units: [Unit] = []
    /// One for each command, once ``isDone``.
    private(set) var replies: [RESPValue]

    init(_ commands: [RedisCommand]) {
        self.commands = commands
        replies = Array(repeating: .null, count: commands.count)
        var start = 0
        while start < commands.count {
            var end = start + 1
            if commands[start].isCalled("MULTI") {
                end = (commands[start...].firstIndex { $0.isCalled("EXEC") } ?? commands.count - 1) + 1
            }
            let slot = commands[start..<end].lazy.compactMap(\.slot).first
            units.append(Unit(range: start..<end, slot: slot))
            start = end
        }
    }

    /// What has to be sent now: a batch for each node, and one more for what it is asked in the name of another.
    ///
    /// - Parameter owner: of a slot; of `nil` who is asked for what belongs to none.
    mutating func takeBatches(_ owner: (HashSlot?) -> RedisAddress?) -> [Batch] {
        var batches: [Batch] = []
        for index in units.indices where !units[index].isDone {
            let target = units[index].target
            let node = target?.address ?? owner(units[index].slot)
            let isAsking = target?.kind == .ask
            units[index].sent += 1
            if let known = batches.firstIndex(where: { $0.node == node && $0.isAsking == isAsking }) {
                batches[known].units.append(index)
            } else {
                batches.append(Batch(node: node, isAsking: isAsking, units: [index]))
            }
        }
        return batches
    }

    /// Whether it goes where a node said.
    func isRedirected(_ batch: Batch) -> Bool { batch.units.contains { units[$0].target != nil } }

    /// The commands of a batch, as they go out.
    func commands(of batch: Batch) -> [RedisCommand] {
        batch.units.flatMap { (batch.isAsking ? [Self.asking] : []) + commands[units[$0].range] }
    }

    /// The replies to ``commands(of:)``; returns where the node sent something else.
    mutating func answered(_ batch: Batch, _ values: [RESPValue]) -> [ClusterRedirection] {
        var values = values[...]
        var redirections: [ClusterRedirection] = []
        for index in batch.units {
            if batch.isAsking { values = values.dropFirst() }
            let range = units[index].range
            let own = Array(values.prefix(range.count))
            values = values.dropFirst(range.count)
            replies.replaceSubrange(range, with: own)
            units[index].isDone = true
            guard own.count == range.count else { continue }
            guard let node = batch.node, let refusal = own.lazy.compactMap(\.failure).first(where: \.isRedirecting)
            else { continue }
            let redirection = ClusterRedirection(refusal, from: node)
            if let redirection { redirections.append(redirection) }
            units[index].target = redirection
            units[index].isDone = units[index].sent > Self.redirectionsMax
            guard units[index].isDone else { continue }
            let error = RedisError(
                .notConnected,
                "redirected \(Self.redirectionsMax) times, \(node) answers \(refusal.code.name) \(refusal.message)")
            for reply in range { replies[reply] = .failure(error) }
        }
        return redirections
    }

    /// The batch did not reach its node, or no answer came: what has run is not known, so nothing is sent again.
    mutating func failed(_ batch: Batch, _ error: RedisError) {
        for index in batch.units {
            units[index].isDone = true
            for reply in units[index].range { replies[reply] = .failure(error) }
        }
    }

    /// Whether nothing has to be sent any more.
    var isDone: Bool { units.allSatisfy(\.isDone) }
    /// Whether something was refused and nobody said where else to send it: it goes again, a moment later.
    var needsPause: Bool { units.contains { !$0.isDone && $0.sent > 0 && $0.target == nil } }
}

extension RedisError {
    /// The command did not run, and may run elsewhere or a moment later.
    var isRedirecting: Bool {
        switch code {
        case .reply("MOVED"), .reply("ASK"), .reply("TRYAGAIN"), .reply("CLUSTERDOWN"): true
        // A script found some of its keys moved already.
        case .reply("ERR"): message.hasPrefix("Script attempted to access a non local key")
        default: false
        }
    }
}
