import Placement
import Testing

@testable import RedisNIO

@Suite struct HashSlotTests {
    /// The first two are the specification's own examples; the others are what `CLUSTER KEYSLOT` of Redis 7.0.15 says.
    @Test(arguments: [
        ("123456789", 0x31C3), ("foo", 12_182), ("position:{video:a}", 9_840), ("video:a", 9_840), ("b", 3_300),
        ("f1", 2_046), ("", 0),
    ]) func isTheOneOfRedis(key: String, slot: Int) {
        #expect(HashSlot(key: key).number == slot)
    }

    @Test func onlyTheFirstTagCounts() {
        #expect(HashSlot(key: "{user1000}.following") == HashSlot(key: "user1000"))
        #expect(HashSlot(key: "foo{{bar}}zap") == HashSlot(key: "{bar"))
        #expect(HashSlot(key: "foo{bar}{zap}") == HashSlot(key: "bar"))
        // An empty tag is none: this is what `CLUSTER KEYSLOT` says.
        #expect(HashSlot(key: "foo{}{bar}").number == 8_363)
        #expect(HashSlot(key: "foo{bar") != HashSlot(key: "bar"))
    }

    @Test func aCommandGoesWhereItsKeyIs() {
        let slot = HashSlot(key: "k")
        let commands = [
            RedisCommand("GET", "k"), RedisCommand("XGROUP", "CREATE", "k", "g", "0"),
            RedisCommand("XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", "k", ">"),
            RedisCommand("EVAL", "return 1", "1", "k", "other"), RedisCommand("SPUBLISH", "k", "text"),
            RedisCommand("INFO", "replication").routed(like: "k"),
        ]
        for command in commands { #expect(command.slot == slot) }
        for command in [RedisCommand("PING"), RedisCommand("EVAL", "return 1", "0", "k"), RedisCommand("TIME")] {
            #expect(command.slot == nil)
        }
    }
}

@Suite struct ClusterViewTests {
    private let asked = RedisAddress(host: "redis.test", port: 7000)

    @Test func isReadFromClusterNodes() throws {
        let text = """
            aaa 10.0.0.1:7000@17000,one.test myself,master - 0 0 5 connected 0-5460 5462 [93->-bbb] [77-<-ccc]
            bbb 10.0.0.2:7001@17001 master,fail? - 1 2 6 disconnected 5461
            ccc ::1:7002@17002,,shard-id=f00 slave bbb 1 2 6 connected
            ddd :0@0 master,noaddr - 1 2 0 disconnected
            eee 10.0.0.5:7004@17004 handshake - 1 2 0 connected

            """
        let view = try ClusterView(text, asked: asked, prefersHostnames: false)
        let one = try #require(view.node("aaa"))
        #expect(one.address == RedisAddress(host: "10.0.0.1", port: 7000))
        #expect(one.aliases == ["one.test", "redis.test"] && one.isMyself && one.isMaster && one.epoch == 5)
        let leaving = try #require(HashSlot(93))
        #expect(one.slots == [0...5460, 5462...5462] && one.leaving == [leaving: "bbb"])
        #expect(view.node("bbb")?.isFailing == true)
        #expect(view.node("ccc")?.address == RedisAddress(host: "::1", port: 7002))
        #expect(view.node("ccc")?.isMaster == false && view.node("eee")?.isMaster == false)
        #expect(view.nodes.count == 5 && view.node("ddd")?.address == nil)
        let named = try ClusterView(text, asked: asked, prefersHostnames: true)
        #expect(named.node("aaa")?.address == RedisAddress(host: "one.test", port: 7000))
    }

    /// A node that was never told its address is where it was asked.
    @Test func aNodeWithoutAnAddressIsWhereItWasAsked() throws {
        let view = try ClusterView(
            "aaa :7000@17000 myself,master - 0 0 0 connected 0-16383", asked: asked, prefersHostnames: false)
        #expect(view.nodes[0].address == asked)
    }

    @Test(arguments: [
        "", "aaa 10.0.0.1:7000@17000 master - 0 0 x connected", "aaa h:1@2 master - 0 0 1 connected 5-99999",
    ])
    func otherTextIsRefused(text: String) {
        #expect(throws: RedisError.self) { try ClusterView(text, asked: asked, prefersHostnames: false) }
    }

    @Test func sentinelsNameOneMasterOfAllSlots() throws {
        let words = ["name", "m", "ip", "10.0.0.9", "port", "6379", "flags", "master,o_down", "config-epoch", "4"]
        let view = try ClusterView(sentinel: .array(words.map { .bytes(Array($0.utf8)) }))
        #expect(view.nodes.map(\.address) == [RedisAddress(host: "10.0.0.9", port: 6379)])
        #expect(view.nodes[0].slots == [0...16_383] && view.nodes[0].epoch == 4 && view.nodes[0].isFailing)
        // The leader of a failover names the new one before the others follow.
        let address = RESPValue.array(["10.0.0.8", "6380"].map { .bytes(Array($0.utf8)) })
        let early = try ClusterView(sentinel: .array(words.map { .bytes(Array($0.utf8)) }), address: address)
        #expect(early.nodes.map(\.address) == [RedisAddress(host: "10.0.0.8", port: 6380)])
    }
}

@Suite struct ClusterAddressTests {
    @Test func clustersAndSentinelsAreParsed() throws {
        let cluster = try RedisEndpoint(parsing: "rediss+cluster://:secret@h1,[::1]:7001,h2:7")
        #expect(cluster.deployment == .cluster && cluster.password == "secret" && cluster.tls != nil)
        #expect(cluster.addresses.map(\.description) == ["h1:6379", "[::1]:7001", "h2:7"])
        #expect("\(cluster)" == "rediss+cluster://h1:6379,[::1]:7001,h2:7")
        let sentinel = try RedisEndpoint(parsing: "redis+sentinel://h1,h2:5/main/3")
        #expect(sentinel.deployment == .sentinel(master: "main") && sentinel.database == 3)
        #expect(sentinel.addresses.map(\.port) == [26_379, 5])
    }

    @Test(arguments: [
        ("redis://a,b", RedisEndpointError.severalServers), ("redis+cluster://a/1", .databaseOfCluster),
        ("redis+sentinel://a", .missingMasterName), ("redis+sentinel://a/", .missingMasterName),
        ("redis+other://a", .wrongScheme), ("redis+cluster://a,", .missingHost), ("http+cluster://a", .wrongScheme),
    ]) func wrongOnesAreRefused(text: String, error: RedisEndpointError) {
        #expect(throws: error) { try RedisEndpoint(parsing: text) }
    }
}

// MARK: - The map

/// A cluster of the test: who has which part of the slots, at which epoch, and what each node knows of that.
private struct World {
    struct Part {
        var slots: ClosedRange<Int>
        var owner: Int
    }

    var random: SplitMix64
    var parts: [Part]
    var epochs: [UInt64]
    /// Nodes that do not answer.
    var down: Set<Int> = []
    /// What each node would say: perhaps what was true some time ago.
    var known: [ClusterView] = []
    var lastEpoch: UInt64

    init(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let nodes = Int.random(in: 2...6, using: &random)
        var edges: Set<Int> = [0, 16_384]
        for _ in 0..<7 { edges.insert(Int.random(in: 1...16_382, using: &random)) }
        let borders = edges.sorted()
        var parts: [Part] = []
        for (first, next) in zip(borders, borders.dropFirst()) {
            parts.append(Part(slots: first...next - 1, owner: Int.random(in: 0..<nodes, using: &random)))
        }
        self.random = random
        self.parts = parts
        epochs = (0..<nodes).map { UInt64($0 + 1) }
        lastEpoch = UInt64(nodes)
        known = (0..<nodes).map { truth(as: $0) }
    }

    static func address(_ node: Int) -> RedisAddress { RedisAddress(host: "10.0.0.\(node)", port: 7000) }

    func truth(as node: Int) -> ClusterView {
        ClusterView(
            nodes: epochs.indices.map { index in
                ClusterView.Node(
                    id: "n\(index)", address: Self.address(index), epoch: epochs[index],
                    slots: parts.filter { $0.owner == index }.map(\.slots), isMyself: index == node)
            })
    }

    /// A failover or the end of a move: another node has a part, with an epoch that nobody had before.
    mutating func movePart() {
        let part = Int.random(in: parts.indices, using: &random)
        let owner = Int.random(in: epochs.indices, using: &random)
        lastEpoch += 1
        parts[part].owner = owner
        epochs[owner] = lastEpoch
        known[owner] = truth(as: owner)
    }

    func owner(_ slot: HashSlot) -> Int { parts.first { $0.slots.contains(slot.number) }?.owner ?? -1 }
}

@Suite struct TopologyMachineTests {
    private let start = ContinuousClock.now

    /// Nodes that know old things, moves, outages and redirections in any order; when all is quiet, the map is the truth, every
    /// link is one of a master, and nodes were not asked more often than they may be.
    @Test func whateverHappensTheMapBecomesTheTruth() throws {
        var moves = 0, outages = 0, redirections = 0
        for seed in UInt64(1)...3_000 {
            var world = World(seed: seed)
            var machine = TopologyMachine(seeds: [World.address(0)])
            var links: Set<RedisAddress> = []
            var now = start
            var asked: [ContinuousClock.Instant] = []
            var waiting: [RedisAddress] = []

            func perform(_ actions: [TopologyMachine.Action]) {
                for action in actions {
                    switch action {
                    case .ask(let nodes):
                        asked.append(now)
                        waiting += nodes
                    case .open(let node): #expect(links.insert(node).inserted, "seed \(seed)")
                    case .close(let node): #expect(links.remove(node) != nil, "seed \(seed)")
                    case .changed(let slots): #expect(!slots.isEmpty, "seed \(seed)")
                    case .health: break
                    }
                }
            }
            func answer() {
                waiting.shuffle(using: &world.random)
                let some = world.random.next() % 3 == 0 ? waiting.count / 2 : waiting.count
                for address in waiting.prefix(some) {
                    guard let node = world.epochs.indices.first(where: { World.address($0) == address }) else {
                        continue
                    }
                    perform(
                        machine.handle(
                            world.down.contains(node) ? .unanswered(address) : .view(world.known[node], of: address),
                            now: now))
                }
                waiting.removeFirst(some)
            }

            for _ in 0..<Int.random(in: 5...25, using: &world.random) {
                now += .milliseconds(Int.random(in: 1...400, using: &world.random))
                let node = Int.random(in: world.epochs.indices, using: &world.random)
                let slot = HashSlot(key: "\(world.random.next())")
                switch world.random.next() % 8 {
                case 0, 1:
                    world.movePart()
                    moves += 1
                case 2: world.known[node] = world.truth(as: node)
                case 3:
                    if world.down.count + 1 < world.epochs.count, world.down.insert(node).inserted { outages += 1 }
                    perform(machine.handle(.linkDown(World.address(node)), now: now))
                case 4:
                    world.down.remove(node)
                    perform(machine.handle(.linkUp(World.address(node)), now: now))
                case 5:
                    redirections += 1
                    let owner = World.address(world.owner(slot))
                    perform(machine.handle(.redirected(.init(.moved, slot, to: owner)), now: now))
                    #expect(machine.owner(of: slot) == owner, "seed \(seed): who was told so goes there")
                case 6: perform(machine.handle(.unsubscribed(slot), now: now))
                default: break
                }
                perform(machine.tick(now: now))
                answer()
            }
            // Quiet: everybody is up, and knows.
            world.down = []
            for node in world.epochs.indices {
                world.known[node] = world.truth(as: node)
                perform(machine.handle(.linkUp(World.address(node)), now: now))
            }
            for _ in 0..<400 {
                now += .milliseconds(100)
                for link in links { perform(machine.handle(.linkUp(link), now: now)) }
                perform(machine.tick(now: now))
                answer()
            }
            for part in world.parts {
                for number in [part.slots.lowerBound, part.slots.upperBound] {
                    #expect(
                        machine.places(of: try #require(HashSlot(number))) == [World.address(part.owner)],
                        "seed \(seed)")
                }
            }
            let owners = Set(world.parts.map { World.address($0.owner) })
            #expect(links == owners && Set(machine.masters) == owners, "seed \(seed)")
            for (one, next) in zip(asked, asked.dropFirst()) {
                #expect(next - one >= .milliseconds(100), "seed \(seed): asked too often")
            }
            // A poll a second, and what late answers to old questions took. In trouble it would be a hundred.
            #expect((20...32).contains(asked.count { $0 > now - .seconds(25) }), "seed \(seed): asked without a reason")
        }
        #expect(moves > 3_000 && outages > 1_000 && redirections > 3_000)
    }

    private func view(_ nodes: ClusterView.Node...) -> ClusterView { ClusterView(nodes: nodes) }

    private func node(
        _ name: Int, epoch: UInt64, _ slots: ClosedRange<Int>..., isMyself: Bool = false
    ) -> ClusterView.Node {
        ClusterView.Node(
            id: "n\(name)", address: World.address(name), epoch: epoch, slots: slots, isMyself: isMyself)
    }

    @Test func anOldMasterThatComesBackDoesNotGetItsSlotsBack() throws {
        var machine = TopologyMachine(seeds: [World.address(1)])
        let slot = try #require(HashSlot(7))
        _ = machine.handle(.view(view(node(2, epoch: 9, 0...16_383)), of: World.address(2)), now: start)
        _ = machine.handle(.view(view(node(1, epoch: 3, 0...16_383, isMyself: true)), of: World.address(1)), now: start)
        #expect(machine.owner(of: slot) == World.address(2))
    }

    /// What a node says of itself counts more than what another says of it, in whatever order it is said.
    @Test(arguments: [false, true]) func ofEqualEpochsANodesOwnWordCounts(isOwnFirst: Bool) throws {
        let slot = try #require(HashSlot(7))
        let own = TopologyMachine.Input.view(
            view(node(2, epoch: 5, 0...16_383, isMyself: true)), of: World.address(2))
        let other = TopologyMachine.Input.view(view(node(1, epoch: 5, 0...16_383)), of: World.address(3))
        var machine = TopologyMachine(seeds: [World.address(1)])
        for input in isOwnFirst ? [own, other] : [other, own] { _ = machine.handle(input, now: start) }
        #expect(machine.owner(of: slot) == World.address(2))
    }

    /// A node that redirects with ASK knows of an open slot before its view was asked for.
    @Test func whoIsSentOnByAskHasTwoPlaces() throws {
        var machine = TopologyMachine(seeds: [World.address(1)])
        let slot = try #require(HashSlot(7))
        let whole = view(node(1, epoch: 1, 0...16_383, isMyself: true), node(2, epoch: 2))
        _ = machine.handle(.view(whole, of: World.address(1)), now: start)
        let actions = machine.handle(.redirected(.init(.ask, slot, to: World.address(2))), now: start)
        #expect(machine.places(of: slot) == [World.address(1), World.address(2)])
        #expect(machine.owner(of: slot) == World.address(1))
        #expect(actions.contains(.open(World.address(2))) && actions.contains(.changed([7...7])))
    }

    /// A node that has heard less than the one that redirected does not undo it, until it has had the time to hear.
    @Test func aRedirectionOutlivesViewsThatAreNoNewer() throws {
        var machine = TopologyMachine(seeds: [World.address(1)])
        let slot = try #require(HashSlot(7))
        let old = view(node(1, epoch: 1, 0...16_382), node(2, epoch: 2, 16_383...16_383))
        _ = machine.handle(.view(old, of: World.address(1)), now: start)
        _ = machine.handle(.redirected(.init(.moved, slot, to: World.address(2))), now: start)
        _ = machine.handle(.view(old, of: World.address(3)), now: start + .milliseconds(500))
        #expect(machine.owner(of: slot) == World.address(2))
        _ = machine.tick(now: start + .milliseconds(2_100))
        #expect(machine.owner(of: slot) == World.address(1))
    }

    /// Nodes are asked at once for whatever says that something has changed, and once in a second otherwise.
    @Test func whatSeemsWrongIsAskedAboutAtOnce() throws {
        let slot = try #require(HashSlot(7))
        let signs: [TopologyMachine.Input] = [
            .unsubscribed(slot), .suspected(World.address(1)), .linkDown(World.address(1)),
            .redirected(.init(.moved, slot, to: World.address(1))),
        ]
        for sign in signs {
            var machine = TopologyMachine(seeds: [World.address(9)])
            #expect(machine.tick(now: start) == [.ask([World.address(9)])])
            let whole = view(node(1, epoch: 1, 0...16_383, isMyself: true))
            _ = machine.handle(.view(whole, of: World.address(1)), now: start)
            _ = machine.handle(.linkUp(World.address(1)), now: start)
            #expect(machine.tick(now: start + .milliseconds(500)).contains(.ask([World.address(1)])))
            #expect(machine.tick(now: start + .milliseconds(900)).isEmpty, "nothing has happened")
            let actions = machine.handle(sign, now: start + .milliseconds(900))
            let asks = actions.contains { if case .ask = $0 { true } else { false } }
            #expect(asks, "\(sign)")
        }
    }

    /// When no known node is left, the addresses that were typed are asked again.
    @Test func seedsAreTheLastResort() {
        var machine = TopologyMachine(seeds: [World.address(9)])
        let both = view(node(1, epoch: 1, 0...99, isMyself: true), node(2, epoch: 2, 100...16_383))
        _ = machine.handle(.view(both, of: World.address(1)), now: start)
        let nodes = [World.address(1), World.address(2)]
        for node in nodes { _ = machine.handle(.linkUp(node), now: start) }
        _ = machine.tick(now: start)
        #expect(machine.handle(.linkDown(nodes[0]), now: start + .seconds(1)).contains(.ask(nodes)))
        #expect(
            machine.handle(.linkDown(nodes[1]), now: start + .seconds(2)).contains(.ask(nodes + [World.address(9)])))
    }

    /// A probe's channel for each master, however few slots it has.
    @Test func eachMasterHasAChannelOfItsOwn() {
        var machine = TopologyMachine(seeds: [World.address(1)])
        _ = machine.handle(
            .view(
                view(node(1, epoch: 1, 0...30), node(2, epoch: 2, 31...16_000), node(3, epoch: 3, 16_001...16_383)),
                of: World.address(1)), now: start)
        let channels = machine.channels(onEachMaster: "probe:reader-1")
        #expect(channels.compactMap { machine.owner(of: HashSlot(key: $0)) }.sorted() == machine.masters)
        #expect(channels.count == 3 && channels.allSatisfy { $0.hasPrefix("probe:reader-1:") })
    }

    /// Epochs begin anew, which only nodes of the old cluster could contradict.
    @Test func aClusterThatWasMadeAnewIsBelieved() {
        var machine = TopologyMachine(seeds: [World.address(1)])
        _ = machine.handle(.view(view(node(1, epoch: 90, 0...16_383)), of: World.address(1)), now: start)
        _ = machine.handle(.view(view(node(2, epoch: 1, 0...16_383)), of: World.address(2)), now: start + .seconds(1))
        #expect(machine.masters == [World.address(1)])
        _ = machine.handle(.unanswered(World.address(1)), now: start + .seconds(2))
        #expect(machine.masters == [World.address(2)])
    }

    @Test func anOpenSlotHasTwoPlacesWhileItsOwnerSaysSo() throws {
        var machine = TopologyMachine(seeds: [World.address(1)])
        let slot = try #require(HashSlot(7))
        var owner = node(1, epoch: 1, 0...16_383, isMyself: true)
        owner.leaving = [slot: "n2"]
        let actions = machine.handle(.view(view(owner, node(2, epoch: 2)), of: World.address(1)), now: start)
        #expect(machine.places(of: slot) == [World.address(1), World.address(2)])
        #expect(actions.contains(.open(World.address(2))) && machine.masters == [World.address(1)])
        // An old master that thinks so, too, is not asked: the slot is not its.
        var old = node(3, epoch: 0, 0...16_383, isMyself: true)
        let other = try #require(HashSlot(8))
        old.leaving = [other: "n3"]
        _ = machine.handle(.view(view(old), of: World.address(3)), now: start)
        #expect(machine.places(of: other) == [World.address(1)])
        owner.leaving = [:]
        let closing = machine.handle(.view(view(owner, node(2, epoch: 2)), of: World.address(1)), now: start)
        #expect(machine.places(of: slot) == [World.address(1)])
        #expect(closing.contains(.changed([7...7])) && closing.contains(.close(World.address(2))))
    }

    /// A redirection may call a node by another of its names, and counts until a node says something newer.
    @Test func aRedirectionCountsUntilSomethingNewerIsSaid() throws {
        var machine = TopologyMachine(seeds: [World.address(1)])
        let slot = try #require(HashSlot(7))
        var second = node(2, epoch: 2, 100...16_383)
        second.aliases = ["two.test"]
        _ = machine.handle(.view(view(node(1, epoch: 1, 0...99), second), of: World.address(1)), now: start)
        _ = machine.handle(
            .redirected(.init(.moved, slot, to: RedisAddress(host: "two.test", port: 7000))), now: start)
        #expect(machine.owner(of: slot) == World.address(2) && machine.masters == [World.address(1), World.address(2)])
        _ = machine.handle(
            .view(view(node(3, epoch: 3, 0...99, isMyself: true)), of: World.address(3)), now: start)
        #expect(machine.owner(of: slot) == World.address(3))
    }

    @Test func healthSaysWhatCannotBeUsed() {
        var machine = TopologyMachine(seeds: [World.address(1)])
        let actions = machine.handle(
            .view(view(node(1, epoch: 1, 0...99), node(2, epoch: 2, 100...199)), of: World.address(1)), now: start)
        #expect(actions.last == .health(.init(masters: 2, mastersUp: 0, slotsUnserved: 16_184)))
        let up = machine.handle(.linkUp(World.address(2)), now: start)
        #expect(up == [.health(.init(masters: 2, mastersUp: 1, slotsUnserved: 16_184))])
    }
}
