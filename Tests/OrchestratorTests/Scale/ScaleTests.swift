import ArgumentParser
import Audience
import Options
import Placement
import Primitives
import Report
import Testbed
import Testing

@testable import Orchestrator

struct ScaleSettingsTests {
    @Test func nothingTypedIsTheFullCase() throws {
        let settings = try ScaleSettings.parse([]).checked()
        #expect([settings.streams, settings.viewers] + settings.readers == [90_000, 2_000_000, 14])
        #expect(settings.commandLine("scale") == "Orchestrator scale")
    }

    @Test func theCommandRepeatsTheRun() throws {
        let typed = [
            "--streams", "10", "--viewers", "100", "--readers", "3,4,5", "--audience", "uniform", "--placement",
            "rendezvous", "--seed", "7", "--arrival", "0.5", "--sockets", "9", "--rate", "20.5", "--duration", "2",
            "--burst", "3",
        ]
        #expect(try ScaleSettings.parse(typed).checked().words == typed)
    }

    /// What a Reader process is told is what it reads.
    @Test func aReaderKnowsItsPartOfTheRun() throws {
        let settings = try ScaleSettings.parse([
            "--streams", "200", "--viewers", "4000", "--readers", "3,5", "--seed", "7", "--sockets", "11",
        ])
        let audience = try Audience(settings.audience, channels: 200, viewers: 4_000, seed: 7)
        let layout = ScaleLayout(audience, placement: .overflow, readers: 5)
        let words = ScaleReaderCommand.arguments(settings, layout, index: 4, port: 1_234)
        let reader = try #require(try Orchestrator.parseAsRoot(words) as? ScaleReaderCommand)
        #expect([reader.redisPort, reader.index, reader.settings.sockets] == [1_234, 4, 3])
        #expect(reader.settings.readers == [5] && reader.settings.placement == [.overflow])
        #expect([reader.settings.streams, reader.settings.viewers] == [200, 4_000] && reader.settings.seed == 7)
    }

    @Test func everyProblemIsSaidAtOnce() throws {
        let arguments = try ScaleSettings.parse([
            "--streams", "0", "--viewers", "x", "--readers", "0", "--audience", "zipf", "--placement", "best", "--seed",
            "-1", "--rate", "0", "--duration", "0", "--burst", "x", "--arrival", "-1", "--sockets", "x",
        ])
        #expect(problems { try arguments.checked() }.count == 11)
    }

    @Test func clustersAreComparedInsteadOfHubs() throws {
        let settings = try ScaleSettings.parse([
            "--redis-nodes", "1,3", "--publish", "sharded", "--readers", "14,50", "--bare",
        ]).checked()
        #expect(settings.cases.count * settings.clusters.count == 8 && settings.bare)
        #expect(problems { try ScaleSettings.parse(["--publish", "classic"]).checked() }.count == 1)
        #expect(problems { try ScaleSettings.parse(["--redis-nodes", "3", "--rate", "5"]).checked() }.count == 1)
        #expect(
            problems { try ScaleSettings.parse(["--redis-nodes", "31", "--publish", "both"]).checked() }.count == 2)
        #expect(
            problems { try ScaleSettings.parse(["--redis-nodes", "1..30", "--readers", "3,4"]).checked() }.count == 1)
    }

    @Test func tooManyProcessesAndCasesAreRefused() {
        #expect(throws: Failure.arguments(["--readers 101: must be at most 100, each is a process on this machine"])) {
            try ScaleSettings.parse(["--readers", "101"]).checked()
        }
        #expect(
            throws: Failure.arguments([
                "--readers, --placement: 34 cases, one after the other; take at most 32 (readers × placements)"
            ])
        ) {
            try ScaleSettings.parse(["--readers", "1..17"]).checked()
        }
    }

}

struct ScaleLayoutTests {
    func makeLayout(_ placement: PlacementStrategy, readers: Int = 5) throws -> ScaleLayout {
        let audience = try Audience(.zipf(exponent: 1), channels: 200, viewers: 4_000, seed: 7)
        return ScaleLayout(audience, placement: placement, readers: readers)
    }

    @Test(arguments: [PlacementStrategy.random, .overflow, .rendezvous])
    func theReadersShareEveryViewer(placement: PlacementStrategy) throws {
        let layout = try makeLayout(placement)
        let shares = layout.readers.indices.map { layout.channels(ofReader: $0) }
        #expect(shares.map { $0.reduce(0) { $0 + $1.viewers } } == layout.assignment.loads)
        #expect(shares.map(\.count) == layout.assignment.subscriptions)
        #expect(shares.joined().reduce(0) { $0 + $1.viewers } == 4_000)
        for channel in 0..<200 {
            let viewers = shares.joined().filter { $0.channel == channel }.reduce(0) { $0 + $1.viewers }
            #expect(viewers == layout.audience.viewers[channel])
        }
    }

    @Test func aPublishReachesEveryReaderAndViewerOfItsChannel() throws {
        let layout = try makeLayout(.random, readers: 3)
        var truth = ExpectedDeliveries(readers: 3)
        truth.publish(0, times: 2, in: layout.assignment)
        truth.publish(199, in: layout.assignment)
        #expect(truth.publishes == 3)
        #expect(truth.deliveriesInAll == 2 * layout.audience.viewers[0] + layout.audience.viewers[199])
        let (first, last) = (layout.assignment.parts(ofChannel: 0), layout.assignment.parts(ofChannel: 199))
        #expect(truth.messagesInAll == 2 * first.count + last.count)
        for reader in 0..<3 {
            let (a, b) = (first.first { $0.reader == reader }, last.first { $0.reader == reader })
            #expect(truth.deliveries[reader] == 2 * Int(a?.viewers ?? 0) + Int(b?.viewers ?? 0))
        }
    }

    @Test func theMapShowsTheSameChannelsUnderEveryPlacementAndOverflowIsADiagonal() throws {
        let (random, overflow) = (
            SubscriptionMap(try makeLayout(.random)), SubscriptionMap(try makeLayout(.rendezvous))
        )
        #expect(random.channels == overflow.channels)
        #expect(overflow.filledShare == 0.2)
        #expect(random.filledShare > 0.7)
        // One run a Reader, each behind the one before.
        let runs = overflow.rows.map { SubscriptionMap.runs(of: $0) }
        #expect(runs.allSatisfy { $0.count == 1 })
        #expect(zip(runs, runs.dropFirst()).allSatisfy { $0[0].upperBound == $1[0].lowerBound })
    }
}

struct BurstTests {
    @Test func theSizeOfAPushIsThatOfItsText() {
        let message = "*3\r\n$7\r\nmessage\r\n$8\r\nvideo:v1\r\n$11\r\nhello world\r\n"
        #expect(PushSize.message(channel: 8, payload: 11) == message.utf8.count)
        let first = "*3\r\n$9\r\nsubscribe\r\n$8\r\nvideo:v1\r\n:1\r\n"
        #expect(PushSize.acknowledgement(channel: 8, number: 1) == first.utf8.count)
        let later = "*3\r\n$9\r\nsubscribe\r\n$12\r\nvideo:v12345\r\n:12345\r\n"
        #expect(PushSize.acknowledgement(channel: 12, number: 12_345) == later.utf8.count)
    }

    @Test func frameNumbersRiseInEachChannel() throws {
        let audience = try Audience(.uniform, channels: 2, viewers: 10, seed: 1)
        var frames = ScaleFrames(audience)
        let made = [0, 0, 1].map { frames.next($0, stamp: 1_234_567 + Int64($0)) }
        let texts = made.map { String(decoding: $0, as: UTF8.self) }
        #expect(texts.map { $0.prefix { $0 != "\n" } } == ["id: 1.scale", "id: 2.scale", "id: 1.scale"])
        #expect(texts.allSatisfy { $0.utf8.count == ScaleFrames.bytesWanted && $0.hasSuffix("}\n\n") })
        #expect(texts[2].contains("\"videoid\":\"v2\""))
        // As a loop joins them.
        let chunk = Array("258\r\n".utf8) + made.joined() + Array("\r\n".utf8)
        #expect(ScaleFrames.stamps(in: chunk) == [1_234_567, 1_234_567, 1_234_568])
        #expect(ScaleFrames.stamps(in: Array("3\r\n:\n\n\r\n".utf8)) == [])
    }

    @Test func aBurstThatBeganAnewCountsEveryPublish() throws {
        let audience = try Audience(.zipf(exponent: 1), channels: 20, viewers: 400, seed: 1)
        let layout = ScaleLayout(audience, placement: .random, readers: 4)
        var frames = ScaleFrames(audience)
        let publisher = BurstPublisher(layout, BurstServers(ports: [1]), frames: &frames, length: 50)
        let once = BurstPublisher.Outcome(sent: [50])
        let more = BurstPublisher.Outcome(sent: [103])
        let first3 = publisher.sequences[0].channels.prefix(3).reduce(0) {
            $0 + layout.assignment.parts(ofChannel: $1).count
        }
        let whole = publisher.truth(once, in: layout.assignment).messagesInAll
        #expect(publisher.truth(more, in: layout.assignment).messagesInAll == 2 * whole + first3)
        #expect(publisher.truth(more, in: layout.assignment).publishes == 103)
        func bytes(_ sent: Int) -> Int { publisher.pushedBytes(.init(sent: [sent]), in: layout.assignment) }
        #expect(bytes(103) == 2 * bytes(50) + bytes(3))
        // Comments follow viewers: the largest channel is drawn most.
        let counts = Dictionary(grouping: publisher.sequences[0].channels) { $0 }.mapValues(\.count)
        #expect(counts.max { $0.value < $1.value }?.key == 0)
    }

    /// Each channel's publishes go to the master of its slot; what that sends depends on who hears it where.
    @Test(arguments: Publishing.allCases) func aClusterDividesABurstBySlots(publishing: Publishing) throws {
        let audience = try Audience(.uniform, channels: 60, viewers: 6_000, seed: 1)
        let layout = ScaleLayout(audience, placement: .random, readers: 4)
        var servers = BurstServers(ports: [1, 2, 3], publishing: publishing)
        servers.script = "abc"
        var frames = ScaleFrames(audience)
        let publisher = BurstPublisher(layout, servers, frames: &frames, length: 300)
        for (server, sequence) in publisher.sequences.enumerated() {
            #expect(!sequence.channels.isEmpty)
            #expect(sequence.channels.allSatisfy { servers.server(of: audience.channelName($0)) == server })
        }
        let sent = publisher.sequences.map { $0.channels.count * 4 }
        // Every channel is on all four Readers; classic Readers 1 and 4 are at the first node.
        let messages = publisher.messages(.init(sent: sent), in: layout.assignment)
        #expect(messages == (publishing == .sharded ? sent.map { $0 * 4 } : [2_400, 1_200, 1_200]))
        // Offsets have two digits from the tenth event of a channel on.
        func bytes(_ times: Int) -> Int {
            publisher.pushedBytes(
                .init(sent: publisher.sequences.map { $0.channels.count * times }), in: layout.assignment)
        }
        #expect(ScaleFrames.moreDigits(events: 9) == 0 && ScaleFrames.moreDigits(events: 101) == 94)
        let counts = publisher.sequences.flatMap(\.channels).reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
        let more = counts.values.reduce(0) { $0 + ScaleFrames.moreDigits(events: $1 * 4) }
        let short = counts.values.reduce(0) { $0 + ScaleFrames.moreDigits(events: $1) }
        #expect(bytes(4) - more * 4 == 4 * (bytes(1) - short * 4))
    }

    @Test func whatEachConnectionSubscribesIsReadFromRedis() {
        let list = """
            id=3 addr=127.0.0.1:1 name=reader-1:subscriber age=1 sub=101 psub=0 cmd=subscribe
            id=4 addr=127.0.0.1:2 name=reader-1:commands age=1 sub=0 psub=0 cmd=mget
            id=5 addr=127.0.0.1:3 name=reader-10:subscriber age=1 sub=1 psub=0 cmd=subscribe
            """
        let clients = RedisSubscribers(list)
        #expect(clients.subscriptions(of: "reader-1") == 100)
        #expect(clients.subscriptions(of: "reader-10") == 0)
        #expect(clients.subscriptions(of: "reader-2") == 0)
    }

    @Test func whatIsSaidIsUnderstood() {
        var latency = LatencyHistogram()
        latency.record(microseconds: 1_500)
        let counts = ScaleReaderMessage.Counts(
            number: 2, messages: 3, deliveries: 4, viewers: 5, redirects: 6,
            latency: latency)
        for message: ScaleReaderMessage in [
            .ready(.init(readers: 1)), .placed(.init(seconds: 0.5, refused: 0)), .counts(counts),
            .channels(.init(channels: [3, 9], viewers: [1, 2], isLast: true)),
        ] {
            #expect(JSONLine.read(JSONLine.text(message)) == message)
        }
        #expect(JSONLine.read("warning") as ScaleReaderMessage? == nil)
        for order: ScaleReaderOrder in [.place, .channels, .count(7)] {
            #expect(JSONLine.read(JSONLine.text(order)) == order)
        }
    }

    @Test func whatReadersHoldIsPutTogether() {
        var state = ScaleCrowdState(readers: [.init(), .init()])
        state.received(.channels(.init(channels: [0, 2], viewers: [5, 1], isLast: false)), from: 0)
        #expect(!state.readers[0].isWhole)
        state.received(.channels(.init(channels: [1], viewers: [4], isLast: true)), from: 0)
        state.received(.channels(.init(channels: [2], viewers: [7], isLast: true)), from: 1)
        #expect(state.readers.allSatisfy { $0.isWhole })
        let held = state.readers.map(\.channels)
        let assignment = Assignment(held, channels: 4)
        #expect(assignment.loads == [10, 7])
        #expect(assignment.subscriptions == [3, 1])
        #expect(assignment.parts(ofChannel: 2).map(\.viewers) == [1, 7])
        #expect(assignment.parts(ofChannel: 3).isEmpty)
    }

    @Test func aViewerOnTheWayIsFourBytes() {
        let hops = [ScaleHop(channel: 0, hops: 1), ScaleHop(channel: 999_999, hops: 2)]
        #expect(ScaleHop.all(in: hops.flatMap(\.bytes)) == hops)
        #expect(ScaleHop.all(in: [1, 2]) == [])
    }

    @Test func aChunkIsReadOnceAndCountsForEachViewer() throws {
        let viewers = try ScaleViewers(sockets: 0)
        var frames = ScaleFrames(try Audience(.uniform, channels: 1, viewers: 1, seed: 1))
        let now = WallClock.microseconds()
        let chunk = frames.next(0, stamp: now - 5_000) + frames.next(0, stamp: now - 9_000)
        for _ in 0..<3 { viewers.wrote(chunk) }
        viewers.wrote(frames.next(0, stamp: now - 50_000))
        #expect(viewers.latency.count == 7)
        #expect((5_000...40_000).contains(viewers.latency.microseconds(atPercentile: 10) ?? 0))
        #expect((50_000...90_000).contains(viewers.latency.microsecondsMax ?? 0))
        #expect(viewers.takeDescriptor() == -1)
    }
}

struct SlotLoadTests {
    private func channel(_ slot: Int, _ publishes: Double, _ each: Double) -> (slot: Int, load: SlotLoad.Load) {
        (slot, .init(publishes: publishes, deliveries: publishes * each))
    }

    @Test func nodesShareTheSlotsAndTheHottestStaysWhole() {
        let load = SlotLoad([channel(0, 5, 2), channel(8_191, 1, 4), channel(8_192, 2, 1), channel(16_383, 3, 1)])
        #expect(load.total == .init(publishes: 11, deliveries: 19))
        #expect(load.hottest == .init(publishes: 5, deliveries: 10))
        #expect(load.nodes(2) == [.init(publishes: 6, deliveries: 14), .init(publishes: 5, deliveries: 5)])
        #expect(load.nodes(1) == [load.total])
        #expect(load.times(2).nodes(2)[0] == .init(publishes: 12, deliveries: 28))
        #expect(load.times(2).hottest.publishes == 10)
    }
}

struct ClusterCostsTests {
    /// 20 µs a publish, 0.5 µs a message, 4 µs a hop.
    private func makeCase(_ publishing: Publishing, _ publishes: [Int], readers: Int, extra: Double = 0) -> ClusterCase
    {
        let all = publishes.reduce(0, +)
        var burst = ScaleCase.Burst(publishes: all, seconds: 1)
        burst.nodes = publishes.map { own in
            let messages = publishing == .sharded ? own * readers : all * readers / publishes.count
            let hops = publishing == .sharded ? 0 : own * (publishes.count - 1) + all - own
            let cpu = 20 * Double(own) + 0.5 * Double(messages) + 4 * Double(hops)
            return .init(publishes: own, messages: messages, cpuSeconds: cpu * (1 + extra) / 1e6)
        }
        burst.redisDeliveriesExpected = burst.nodes.reduce(0) { $0 + $1.messages }
        burst.redisCPUSeconds = burst.nodes.reduce(0) { $0 + $1.cpuSeconds }
        return ClusterCase(
            placement: .random, readers: readers, publishing: publishing, burst: burst, busiestShare: 0.5)
    }

    @Test func costsAreLearnedFromOneNodeAndTheBus() throws {
        let ones = [makeCase(.sharded, [1_000], readers: 1), makeCase(.sharded, [1_000], readers: 12)]
        let classic = makeCase(.classic, [600, 300, 300], readers: 3)
        let costs = try #require(ClusterCosts(ones + [classic]))
        #expect(abs(costs.publish - 20) < 1e-6 && abs(costs.delivery - 0.5) < 1e-6)
        #expect(abs(try #require(costs.hop) - 4) < 1e-6)
        #expect(abs(costs.offMost(classic)) < 1e-6)
        #expect(ClusterCosts([classic]) == nil)
        #expect(ClusterCosts(ones)?.hop == nil)
    }

    @Test func aNodeThatIsOffTheModelFailsTheRun() throws {
        var result = ClusterScaleResult(settings: .standard, audience: makeAudience(), base: makeBase("scale-redis"))
        result.cases = [
            makeCase(.sharded, [1_000], readers: 1), makeCase(.sharded, [1_000], readers: 12),
            makeCase(.sharded, [600, 400], readers: 12),
        ]
        #expect(result.report(nil).verdict.status == .fine)
        // 26 µs a comment on one node, and the busiest of two has 6 of 10.
        #expect(abs(try #require(result.gain(result.cases[2])) - 1 / 0.6) < 1e-6)
        result.cases[2] = makeCase(.sharded, [600, 400], readers: 12, extra: 0.2)
        let verdict = result.report(nil).verdict
        #expect(verdict.status == .auditFailed && verdict.failed.count == 1)
        #expect(verdict.reason.contains("off the model"))
        result.cases[2] = makeCase(.sharded, [600, 400], readers: 12)
        result.cases[2].burst.bytesExpected = 7
        #expect(result.report(nil).verdict.reason.contains("7 were to be expected"))
    }

    @Test func nodesAreCountedUpToWhatTheHottestChannelAllows() throws {
        var result = ClusterScaleResult(settings: .standard, audience: makeAudience(), base: makeBase("scale-redis"))
        let costs = try #require(ClusterCosts([makeCase(.sharded, [1_000], readers: 1)]))
        // A tenth of the comments on the first channel, the others even: 20.5 µs each.
        let even = (1..<16_384).map {
            (slot: $0, load: SlotLoad.Load(publishes: 0.9 / 16_383, deliveries: 0.9 / 16_383))
        }
        result.loads = [(14, .random, SlotLoad([(0, .init(publishes: 0.1, deliveries: 0.1))] + even))]
        let row = try #require(result.nodesNeeded(costs).rows.first)
        // 34,146 a second are 0.7 cores; the hottest channel alone allows ten times that.
        #expect(row[0..<2] == ["random", "14"] && row[3] == "1" && row[4] == "1" && row[5] == "2")
        #expect(row.last == "341,463")
    }
}
