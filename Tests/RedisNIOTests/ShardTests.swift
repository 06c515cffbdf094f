import Placement
import Testing

@testable import RedisNIO

private func address(_ node: Int) -> RedisAddress { RedisAddress(host: "10.0.0.1", port: 7000 + node) }
private func failure(_ code: String, _ message: String = "") -> RESPValue {
    .failure(RedisError(.reply(code), message))
}

/// For what changes the value that it asks.
private func same<Value: Equatable>(
    _ value: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(value == expected, sourceLocation: sourceLocation)
}

@Suite struct ClusterPipelineTests {
    /// Keys on three nodes which redirect at random: each reply belongs to its command, whatever way that went, and commands of
    /// a key reach their node in their order.
    @Test func repliesComeInTheOrderOfTheCommands() {
        var redirected = 0
        for seed in UInt64(1)...2_000 {
            var random = SplitMix64(seed: seed)
            let keys = (0..<Int.random(in: 1...12, using: &random)).map { _ in
                "k\(Int.random(in: 0...5, using: &random))"
            }
            let commands = keys.enumerated().map { RedisCommand("APPEND", $1, "\($0)") }
            var pipeline = ClusterPipeline(commands)
            var order: [String: [Int]] = [:]
            var rounds = 0
            // The node that has a slot, and the one that the client takes for it.
            func owner(_ slot: HashSlot?) -> Int { slot.map { $0.number % 3 } ?? 0 }
            func believed(_ slot: HashSlot?) -> RedisAddress? {
                address(seed.isMultiple(of: 2) ? owner(slot) : (owner(slot) + 1) % 3)
            }
            while !pipeline.isDone {
                rounds += 1
                for batch in pipeline.takeBatches(believed) {
                    let values: [RESPValue] = pipeline.commands(of: batch).map { command in
                        guard let slot = command.slot else { return .status("OK") }
                        guard batch.node == address(owner(slot)) else {
                            redirected += 1
                            let word = seed.isMultiple(of: 3) ? "ASK" : "MOVED"
                            return failure(word, "\(slot.number) \(address(owner(slot)))")
                        }
                        let number = String(decoding: command.argument(2) ?? [], as: UTF8.self)
                        order[String(decoding: command.argument(1) ?? [], as: UTF8.self), default: []]
                            .append(Int(number) ?? -1)
                        return .status(number)
                    }
                    _ = pipeline.answered(batch, values)
                }
            }
            #expect(pipeline.replies == keys.indices.map { .status("\($0)") }, "seed \(seed)")
            #expect(order.values.allSatisfy { $0 == $0.sorted() }, "seed \(seed)")
            #expect(rounds <= 2, "seed \(seed)")
        }
        #expect(redirected > 1_000)
    }

    @Test func aTransactionIsSentAsAWholeAndAskedAsOne() {
        let commands = [
            RedisCommand("GET", "a"), RedisCommand("MULTI"), RedisCommand("GET", "b"), RedisCommand("EXEC"),
            RedisCommand("TIME"),
        ]
        var pipeline = ClusterPipeline(commands)
        let first = pipeline.takeBatches { $0.map { address($0 == HashSlot(key: "a") ? 1 : 2) } ?? address(1) }
        #expect(first.map { pipeline.commands(of: $0) } == [[commands[0], commands[4]], Array(commands[1...3])])
        _ = pipeline.answered(first[0], [.null, .integer(5)])
        let ask = failure("ASK", "\(HashSlot(key: "b").number) 10.0.0.1:7003")
        let redirections = pipeline.answered(first[1], [.status("OK"), ask, failure("EXECABORT")])
        #expect(redirections == [.init(.ask, HashSlot(key: "b"), to: address(3))])
        let second = pipeline.takeBatches { _ in nil }
        #expect(second.map(\.node) == [address(3)] && pipeline.isRedirected(second[0]))
        #expect(pipeline.commands(of: second[0]) == [RedisCommand("ASKING")] + commands[1...3])
        _ = pipeline.answered(second[0], [.status("OK"), .status("OK"), .status("QUEUED"), .array([.null])])
        #expect(pipeline.isDone)
        #expect(pipeline.replies == [.null, .status("OK"), .status("QUEUED"), .array([.null]), .integer(5)])
    }

    @Test func redirectionsEndAfterFive() {
        var pipeline = ClusterPipeline([RedisCommand("GET", "a"), RedisCommand("GET", "b")])
        var rounds = 0
        #expect(!pipeline.needsPause, "nothing was refused yet")
        while !pipeline.isDone {
            rounds += 1
            for batch in pipeline.takeBatches({ _ in address(rounds) }) {
                _ = pipeline.answered(batch, pipeline.commands(of: batch).map { _ in failure("CLUSTERDOWN", "it is") })
            }
            #expect(pipeline.isDone || pipeline.needsPause)
        }
        #expect(rounds == 6)
        #expect(pipeline.replies.allSatisfy { $0.failure?.code == .notConnected })
    }

    /// Some of its keys have moved already: it did not run, and goes again a moment later.
    @Test func aScriptAmongMovingKeysIsSentAgain() {
        var pipeline = ClusterPipeline([RedisCommand("EVAL", "return 1", "1", "a")])
        let first = pipeline.takeBatches { _ in address(1) }
        let text = "Script attempted to access a non local key in a cluster node script: 5, on @user_script:1."
        same(pipeline.answered(first[0], [failure("ERR", text)]), [])
        #expect(!pipeline.isDone && pipeline.needsPause)
        let second = pipeline.takeBatches { _ in address(1) }
        same(pipeline.answered(second[0], [failure("ERR", "another")]), [])
        #expect(pipeline.isDone && pipeline.replies == [failure("ERR", "another")])
    }

    /// Nothing that may have run is sent again.
    @Test func aNodeThatDoesNotAnswerFailsItsOwnCommandsOnly() {
        var pipeline = ClusterPipeline([RedisCommand("GET", "a"), RedisCommand("GET", "b")])
        let batches = pipeline.takeBatches { $0 == HashSlot(key: "a") ? address(1) : address(2) }
        pipeline.failed(batches[0], RedisError(.timeout, "late"))
        _ = pipeline.answered(batches[1], [.status("b")])
        #expect(pipeline.isDone)
        #expect(pipeline.replies == [.failure(RedisError(.timeout, "late")), .status("b")])
    }

    @Test(arguments: [
        ("MOVED", "7 10.0.0.1:7001", 7_001, "10.0.0.1"), ("ASK", "7 :7002", 7_002, "asked"),
        ("MOVED", "7 ::1:7003", 7_003, "::1"),
    ]) func redirectionsAreRead(code: String, text: String, port: Int, host: String) {
        let asked = RedisAddress(host: "asked", port: 1)
        let redirection = ClusterRedirection(RedisError(.reply(code), text), from: asked)
        #expect(redirection?.address == RedisAddress(host: host, port: port) && redirection?.slot.number == 7)
    }

    @Test(arguments: ["7 ?:7001", "7", "99999 h:1", "x h:1", "7 h:0"]) func othersAreNone(text: String) {
        #expect(ClusterRedirection(RedisError(.reply("MOVED"), text), from: address(1)) == nil)
    }
}

@Suite struct SentSubscriptionsTests {
    private let slot = HashSlot(key: "a")

    private func make(_ commands: [(Bool, [String])]) -> SentSubscriptions {
        var sent = SentSubscriptions()
        for (isSubscribe, channels) in commands {
            sent.sent(.init(isSubscribe: isSubscribe, slot: HashSlot(key: channels[0]), channels: channels))
        }
        return sent
    }

    private func expect(
        _ outcome: (isAnswer: Bool, skipped: [String]), _ isAnswer: Bool, _ skipped: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(outcome.isAnswer == isAnswer && outcome.skipped == skipped, sourceLocation: sourceLocation)
    }

    @Test func anErrorIsTheNextCommands() {
        var sent = make([(true, ["{a}1", "{a}2"]), (true, ["b"]), (true, ["c"])])
        expect(sent.acknowledged("{a}1", isSubscribe: true), true, [])
        expect(sent.acknowledged("{a}2", isSubscribe: true), true, [])
        same(sent.refused(RedisError(.reply("MOVED"), "\(HashSlot(key: "b").number) h:1"))?.channels, ["b"])
        same(sent.refused(RedisError(.reply("CLUSTERDOWN"), "Hash slot not served"))?.channels, ["c"])
        same(sent.refused(RedisError(.reply("CLUSTERDOWN"), "")), nil)
    }

    @Test func anEndThatNobodyAskedForIsNoAnswer() {
        var sent = make([(true, ["b"])])
        expect(sent.acknowledged("a", isSubscribe: false), false, [])
        expect(sent.acknowledged("b", isSubscribe: false), false, [])
        expect(sent.acknowledged("b", isSubscribe: true), true, [])
    }

    /// The slot goes while SUNSUBSCRIBE is on its way: the unasked one passes for its answer, and its own is an error that
    /// names the slot.
    @Test func theErrorBehindAnUnaskedEndIsNobodysElse() {
        var sent = make([(false, ["a"]), (true, ["b"])])
        expect(sent.acknowledged("a", isSubscribe: false), true, [])
        same(sent.refused(RedisError(.reply("MOVED"), "\(slot.number) h:1")), nil)
        expect(sent.acknowledged("b", isSubscribe: true), true, [])
    }

    /// An error without a slot was counted for the wrong command: the next answer shows that, and what it skips is told.
    @Test func anAnswerIsFoundByItsChannel() {
        var sent = make([(true, ["a"]), (true, ["b"]), (true, ["c"])])
        expect(sent.acknowledged("b", isSubscribe: true), true, ["a"])
        expect(sent.acknowledged("c", isSubscribe: true), true, [])
    }
}

@Suite struct ShardTableTests {
    private static let links = (0..<3).map { ShardLink(node: address($0)) }

    @Test func theOldSubscriptionStaysUntilTheNewOneStands() {
        let links = Self.links
        var table = ShardTable(limit: 10)
        same(table.subscribe(["a"]) { _ in [links[0]] }, true)
        same(table.takeChanges(), .init(subscribe: [links[0]: ["a"]]))
        table.subscribed(["a"], on: links[0])
        same(table.takeChanges(), .init(whole: ["a"]))
        table.moved([0...16_383]) { _ in [links[1]] }
        same(table.takeChanges(), .init(subscribe: [links[1]: ["a"]], lost: ["a"]))
        table.subscribed(["a"], on: links[1])
        same(table.takeChanges(), .init(unsubscribe: [links[0]: ["a"]], whole: ["a"], idle: [links[0]]))
    }

    @Test func anOpenSlotNeedsBothPlaces() {
        let links = Self.links
        let target = ShardLink(node: address(1), openSlot: HashSlot(key: "a"))
        var table = ShardTable(limit: 10)
        _ = table.subscribe(["a"]) { _ in [links[0], target] }
        table.subscribed(["a"], on: links[0])
        same(table.takeChanges().whole, [])
        table.subscribed(["a"], on: target)
        same(table.takeChanges().whole, ["a"])
        // It closes at the target: the main connection there is subscribed, then the other two are given up.
        table.moved([HashSlot(key: "a").number...HashSlot(key: "a").number]) { _ in [links[1]] }
        same(table.takeChanges().subscribe, [links[1]: ["a"]])
        table.lost(["a"], on: links[0], .moved)
        same(table.takeChanges().unsubscribe, [:])
        table.subscribed(["a"], on: links[1])
        let changes = table.takeChanges()
        #expect(changes.whole == ["a"] && Set(changes.idle) == [target])
        #expect(changes.unsubscribe == [target: ["a"]])
    }

    @Test func overTheLimitNothingIsTaken() {
        let links = Self.links
        var table = ShardTable(limit: 2)
        same(table.subscribe(["a", "b"]) { _ in [links[0]] }, true)
        same(table.subscribe(["b", "c"]) { _ in [links[0]] }, false)
        same(table.subscribe(["a", "b"]) { _ in [links[0]] }, true)
        #expect(table.count == 2)
    }

    /// Random joins, leaves, moves, acknowledgements and losses: a channel is said to be whole exactly when each of its places has
    /// acknowledged it since the last change, and when all is quiet each is subscribed where it belongs and nowhere else.
    @Test func whateverHappensWholeMeansSubscribedEverywhere() {
        var losses = 0
        for seed in UInt64(1)...3_000 {
            var random = SplitMix64(seed: seed)
            var table = ShardTable(limit: 100)
            var owner: [HashSlot: Int] = [:]
            func places(_ slot: HashSlot) -> [ShardLink] { [Self.links[owner[slot] ?? slot.number % 3]] }
            let channels = (0..<8).map { "c\($0)" }
            var wanted: Set<String> = []
            // What each node has, and what the table was told of wholes and losses.
            var standing: [ShardLink: Set<String>] = [:]
            var whole: Set<String> = []
            var commands: [(ShardLink, String)] = []
            func take() {
                let changes = table.takeChanges()
                for (link, channels) in changes.subscribe { commands += channels.map { (link, $0) } }
                for (link, channels) in changes.unsubscribe {
                    standing[link]?.subtract(channels)
                    commands.removeAll { $0.0 == link && channels.contains($0.1) }
                }
                losses += changes.lost.count
                whole.subtract(changes.lost)
                for channel in changes.whole {
                    whole.insert(channel)
                    #expect(
                        places(HashSlot(key: channel)).allSatisfy { standing[$0]?.contains(channel) == true },
                        "seed \(seed)")
                }
            }
            func acknowledge() {
                guard !commands.isEmpty else { return }
                let (link, channel) = commands.remove(at: Int.random(in: 0..<commands.count, using: &random))
                guard wanted.contains(channel) else { return }
                standing[link, default: []].insert(channel)
                table.subscribed([channel], on: link)
                take()
            }
            for _ in 0..<60 {
                let channel = channels[Int.random(in: channels.indices, using: &random)]
                let slot = HashSlot(key: channel)
                switch random.next() % 6 {
                case 0:
                    wanted.insert(channel)
                    same(table.subscribe([channel], places), true)
                case 1:
                    wanted.remove(channel)
                    whole.remove(channel)
                    table.unsubscribe([channel])
                case 2:
                    owner[slot] = Int.random(in: 0..<3, using: &random)
                    table.moved([slot.number...slot.number], places)
                case 3:
                    let link = Self.links[Int.random(in: 0..<3, using: &random)]
                    guard standing[link]?.contains(channel) == true else { break }
                    standing[link]?.remove(channel)
                    table.lost([channel], on: link, .closed)
                    // The connection asks for it again.
                    if !table.missing([channel], on: link).isEmpty { commands.append((link, channel)) }
                default: acknowledge()
                }
                take()
            }
            while !commands.isEmpty { acknowledge() }
            #expect(whole == wanted, "seed \(seed)")
            for channel in channels {
                let links = Self.links.filter { standing[$0]?.contains(channel) == true }
                #expect(links == (wanted.contains(channel) ? places(HashSlot(key: channel)) : []), "seed \(seed)")
            }
        }
        #expect(losses > 5_000)
    }
}

@Suite struct ShardedSubscriptionTableTests {
    @Test func aCommandNamesChannelsOfOneSlot() {
        var table = SubscriptionTable(limit: 100, isBySlot: true)
        table.connected()
        _ = table.subscribe(["{a}1", "b", "{a}2", "c"])
        let commands = Set(table.flush().subscribe.map { Set($0) })
        #expect(commands == [["{a}1", "{a}2"], ["b"], ["c"]])
    }

    @Test func whatWasRefusedIsAskedForAgainWhenToldTo() {
        var table = SubscriptionTable(limit: 100, isBySlot: true)
        table.connected()
        _ = table.subscribe(["a"])
        _ = table.flush()
        table.refused(["a"])
        same(table.flush(), .init())
        table.retry(["a", "unknown"])
        same(table.flush().subscribe, [["a"]])
        same(table.acknowledged(["a"]), ["a"])
        same(table.dropped(["a"]), ["a"])
        same(table.dropped(["a"]), [])
        table.retry(["a"])
        same(table.flush().subscribe, [["a"]])
    }
}
