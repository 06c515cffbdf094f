import Logging
import NIOCore
import Primitives

/// The nodes of a cluster, or the master that Sentinels name, with connections for commands to each: performs what the
/// ``TopologyMachine`` decides, while ``run()`` runs.
final class ClusterNodes: Sendable {
    private struct State {
        var machine: TopologyMachine
        var pools: [RedisAddress: RedisPool] = [:]
        /// Over which nodes and Sentinels are asked what they know, as long as they answer.
        var asking: [RedisAddress: RedisConnection] = [:]
        var health = ClusterHealth()
        var observers: [@Sendable ([ClosedRange<Int>]) -> Void] = []
        /// Why the last node that was asked did not answer, when none does.
        var lastFailure: RedisError?
    }

    let endpoint: RedisEndpoint
    private let settings: RedisClientSettings
    private let group: any EventLoopGroup
    private let logger: Logger
    private let metrics: RedisMetrics
    private let state: Mutex<State>
    private let tasks = TaskSet<RedisAddress>()

    /// What a node that is asked what it knows has to answer in.
    private static let answerTimeout: Duration = .seconds(1)
    private static let tick: Duration = .milliseconds(50)
    /// The first wait before a command is sent again that nobody said where to send; it doubles, five times at most.
    private static let pause: Duration = .milliseconds(20)

    init(
        endpoint: RedisEndpoint, settings: RedisClientSettings, group: any EventLoopGroup, logger: Logger,
        metrics: RedisMetrics
    ) {
        self.endpoint = endpoint
        self.settings = settings
        self.group = group
        self.logger = logger
        self.metrics = metrics
        let machine = TopologyMachine(
            seeds: endpoint.addresses, asksSeedsOnly: endpoint.deployment != .cluster, settings: settings.topology)
        state = Mutex(State(machine: machine))
    }

    var isConnected: Bool { state.withLock { $0.health.mastersUp > 0 } }

    /// Why commands would fail. One node of several that is away is not that: it would take all the others with it.
    var trouble: RedisError? {
        let (pools, failure) = state.withLock { ($0.pools.values.map(\.trouble), $0.lastFailure) }
        if pools.contains(where: { $0 == nil }) { return nil }
        return pools.compactMap { $0 }.first ?? failure
            ?? RedisError(.notConnected, "no node of \(endpoint) answered yet")
    }

    /// Keeps the map and the connections, until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.tasks.run() }
            while !Task.isCancelled {
                perform { $0.tick(now: .now) }
                // Cancelled while sleeping: the loop's condition ends it.
                try? await Task.sleep(for: Self.tick)
            }
        }
        let asking = state.withLock { state in
            defer { state.asking = [:] }
            return state.asking
        }
        for connection in asking.values { connection.close() }
    }
}

// MARK: The map

extension ClusterNodes {
    func handle(_ input: TopologyMachine.Input) {
        perform { $0.handle(input, now: .now) }
    }

    func places(of slot: HashSlot) -> [RedisAddress] { state.withLock { $0.machine.places(of: slot) } }

    var masters: [RedisAddress] { state.withLock { $0.machine.masters } }

    /// Tells of slots whose places changed, from whatever task finds out; it must not block.
    func observe(_ observer: @escaping @Sendable ([ClosedRange<Int>]) -> Void) {
        state.withLock { $0.observers.append(observer) }
    }

    /// See ``TopologyMachine/channels(onEachMaster:)``. Looked for in a copy: others need the map meanwhile.
    func channels(onEachMaster name: String) -> [String] {
        state.withLock { $0.machine }.channels(onEachMaster: name)
    }

    func anyConnection() async throws(RedisError) -> RedisConnection {
        await waitForMap()
        guard let node = masters.first else { throw trouble ?? RedisError(.notConnected, "no node is known") }
        return try await connection(to: node, isRedirected: false)
    }

    private func perform(_ step: (inout TopologyMachine) -> [TopologyMachine.Action]) {
        let (actions, observers) = state.withLock { state in
            let actions = step(&state.machine)
            for action in actions { perform(action, &state) }
            return (actions, state.observers)
        }
        for case .changed(let slots) in actions { for observer in observers { observer(slots) } }
    }

    private func perform(_ action: TopologyMachine.Action, _ state: inout State) {
        switch action {
        case .ask(let nodes): for node in nodes { tasks.add { await self.ask(node) } }
        case .open(let node):
            let pool = RedisPool(
                endpoint: endpoint.node(node), settings: settings, group: group, logger: logger, metrics: metrics
            ) { [weak self] isConnected in
                guard let self else { return }
                if isConnected { self.handle(.linkUp(node)) } else { self.lastConnectionEnded(to: node) }
            }
            state.pools[node] = pool
            // What is on its way to a node without slots is still answered.
            tasks.add(node, grace: settings.connection.commandTimeout) { await self.run(pool) }
        case .close(let node):
            state.pools[node] = nil
            state.asking.removeValue(forKey: node)?.close()
            tasks.stop(node)
        case .changed: break
        case .health(let health):
            state.health = health
            let level: Logger.Level = health.isWhole ? .info : .warning
            logger.log(
                level: level, "Redis nodes changed",
                metadata: [
                    "redis.endpoint": "\(endpoint)", "redis.masters": "\(health.masters)",
                    "redis.masters_up": "\(health.mastersUp)", "redis.slots_unserved": "\(health.slotsUnserved)",
                ])
        }
    }

    /// A pool that was closed ends its connections some time later, when the node may have a new one.
    private func lastConnectionEnded(to node: RedisAddress) {
        let pool = state.withLock { $0.pools[node] }
        if pool?.isConnected != true { handle(.linkDown(node)) }
    }

    private func run(_ pool: RedisPool) async {
        do {
            try await pool.run()
        } catch {
            // It is none of a cluster: views say when it is one again.
            logger.warning(
                "Redis node cannot be used",
                metadata: ["redis.endpoint": "\(pool.endpoint)", "redis.error": "\(error)"])
        }
    }

    private func ask(_ node: RedisAddress) async {
        do {
            let view = try await view(of: node)
            state.withLock { $0.lastFailure = nil }
            handle(.view(view, of: node))
        } catch {
            state.withLock { $0.lastFailure = error }
            handle(.unanswered(node))
        }
    }

    /// Over a connection of its own: those for commands may hang.
    private func view(of node: RedisAddress) async throws(RedisError) -> ClusterView {
        let connection: RedisConnection
        if let known = state.withLock({ $0.asking.removeValue(forKey: node) }), known.failure == nil {
            connection = known
        } else {
            var connecting = settings.connection
            connecting.connectTimeout = min(connecting.connectTimeout, Self.answerTimeout)
            connecting.commandTimeout = Self.answerTimeout
            connecting.needsWrites = false
            connection = try await RedisConnection.connect(
                to: endpoint.deployment == .cluster ? endpoint.node(node) : endpoint.sentinel(node),
                settings: connecting, group: group, metrics: metrics)
        }
        do throws(RedisError) {
            let view = try await view(of: node, over: connection)
            let old = state.withLock { $0.asking.updateValue(connection, forKey: node) }
            old?.close()
            return view
        } catch {
            connection.close()
            throw error
        }
    }

    private func view(
        of node: RedisAddress, over connection: RedisConnection
    ) async throws(RedisError) -> ClusterView {
        switch endpoint.deployment {
        case .sentinel(let master):
            let replies = try await connection.send(contentsOf: [
                RedisCommand("SENTINEL", "MASTER", master), RedisCommand("SENTINEL", "GET-MASTER-ADDR-BY-NAME", master),
            ])
            if let failure = replies[0].failure { throw failure }
            return try ClusterView(sentinel: replies[0], address: replies[1])
        case .cluster, .server, .node:
            let text = try await connection.send(RedisCommand("CLUSTER", "NODES")).text ?? ""
            return try ClusterView(text, asked: node, prefersHostnames: endpoint.tls != nil)
        }
    }
}

// MARK: Commands

extension ClusterNodes {
    typealias Call = @Sendable (RedisConnection, [RedisCommand]) async throws(RedisError) -> [RESPValue]

    /// Sends each command to the node of its slot, all nodes at once, and again where a node says so. A node that does not
    /// answer costs its own commands `timeout` or `notConnected`, in their place.
    ///
    /// - Parameter call: sends commands over a connection.
    /// - Throws: when no node answered.
    func send(_ commands: [RedisCommand], _ call: @escaping Call) async throws(RedisError) -> [RESPValue] {
        await waitForMap()
        var pipeline = ClusterPipeline(commands)
        var pause = Self.pause
        while !pipeline.isDone {
            if pipeline.needsPause {
                // Cancelled: what is sent again too early is refused again.
                try? await Task.sleep(for: pause)
                pause *= 2
            }
            let batches = state.withLock { state in
                pipeline.takeBatches { slot in
                    slot.map { state.machine.owner(of: $0) } ?? state.machine.masters.first
                }
            }
            for (batch, result) in await answers(to: batches, of: pipeline, call) {
                switch result {
                case .success(let values):
                    for redirection in pipeline.answered(batch, values) { handle(.redirected(redirection)) }
                case .failure(let error): pipeline.failed(batch, error)
                }
            }
        }
        if let failure = Self.commonFailure(pipeline.replies) { throw failure }
        return pipeline.replies
    }

    /// As a single server's connection is waited for.
    private func waitForMap() async {
        let deadline = ContinuousClock.now + settings.graceWait
        while masters.isEmpty, !Task.isCancelled, ContinuousClock.now < deadline {
            // Cancelled while sleeping: the loop's condition ends it.
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Sends the commands to each master.
    func sendToEach(_ commands: [RedisCommand]) async throws(RedisError) -> [[RESPValue]] {
        await waitForMap()
        let nodes = masters
        guard !nodes.isEmpty else { throw trouble ?? RedisError(.notConnected, "no node of \(endpoint) is known") }
        let results = await withTaskGroup(of: Result<[RESPValue], RedisError>.self) { group in
            for node in nodes {
                group.addTask {
                    await self.result { () throws(RedisError) in
                        try await self.connection(to: node, isRedirected: false).send(contentsOf: commands)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var answers: [[RESPValue]] = []
        for result in results { answers.append(try result.get()) }
        return answers
    }

    private func answers(
        to batches: [ClusterPipeline.Batch], of pipeline: ClusterPipeline, _ call: @escaping Call
    ) async -> [(ClusterPipeline.Batch, Result<[RESPValue], RedisError>)] {
        if batches.count == 1 { return [(batches[0], await answer(to: batches[0], of: pipeline, call))] }
        return await withTaskGroup(of: (ClusterPipeline.Batch, Result<[RESPValue], RedisError>).self) { group in
            for batch in batches { group.addTask { (batch, await self.answer(to: batch, of: pipeline, call)) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    private func answer(
        to batch: ClusterPipeline.Batch, of pipeline: ClusterPipeline, _ call: Call
    ) async -> Result<[RESPValue], RedisError> {
        guard let node = batch.node else {
            return .failure(trouble ?? RedisError(.notConnected, "no node of \(endpoint) has the slot"))
        }
        return await result { () throws(RedisError) in
            let connection = try await self.connection(to: node, isRedirected: pipeline.isRedirected(batch))
            return try await call(connection, pipeline.commands(of: batch))
        }
    }

    private func result<Value>(_ body: () async throws(RedisError) -> Value) async -> Result<Value, RedisError> {
        do throws(RedisError) { return .success(try await body()) } catch { return .failure(error) }
    }

    private func connection(to node: RedisAddress, isRedirected: Bool) async throws(RedisError) -> RedisConnection {
        guard let pool = state.withLock({ $0.pools[node] }) else {
            throw RedisError(.notConnected, "\(node) is not known as a node of \(endpoint)")
        }
        do throws(RedisError) {
            return try await pool.connection()
        } catch {
            guard isRedirected, error.code == .notConnected else { throw error }
            throw RedisError(
                .notConnected,
                "the cluster names \(node), which cannot be reached from here (cluster-announce-ip?): \(error.message)")
        }
    }

    /// Why not one of the commands was answered; `nil` when one was.
    private static func commonFailure(_ values: [RESPValue]) -> RedisError? {
        let failures = values.compactMap(\.failure).filter { !$0.isReply }
        return failures.count == values.count ? failures.first : nil
    }
}

extension RedisError {
    /// Whether Redis answered so.
    var isReply: Bool { if case .reply = code { true } else { false } }
}
