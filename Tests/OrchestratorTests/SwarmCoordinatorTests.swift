import Audience
import Foundation
import Glibc
import TestSupport
import Testbed
import Testing
import Wire

@testable import Orchestrator

struct SwarmCoordinatorTests {
    /// Of each channel the acknowledged positions, at these times.
    func makePublished(_ channels: [String: [(String, Int64)]], numbers: [Int] = []) -> SwarmMessage {
        .published(
            channels.mapValues { positions in
                var comments = ChannelComments()
                comments.numbers = numbers
                for (position, at) in positions {
                    comments.acknowledge(Position(parsing: position), digest: 7, microseconds: at)
                }
                return comments
            })
    }

    @Test func aStageIsWholeWithTheLastSwarm() throws {
        func stage(_ milliseconds: Int64, delivered: Int) -> SwarmMessage {
            var latency = LatencyHistogram()
            latency.record(microseconds: milliseconds * 1000, count: 10)
            return .stage(latency, delivered: delivered, acknowledged: 1)
        }
        var coordinator = SwarmCoordinator(swarms: 2)
        try coordinator.received(stage(1, delivered: 10), from: 0)
        try coordinator.received(stage(50, delivered: 30), from: 0)
        #expect(coordinator.wholeStages == 0)
        try coordinator.received(stage(3, delivered: 20), from: 1)
        #expect(coordinator.wholeStages == 1)
        #expect(coordinator.delivered == 50 && coordinator.acknowledged == 2)
        #expect(coordinator.stages.map(\.latency.count) == [20, 10])
        #expect(coordinator.stages[0].delivered == 30 && coordinator.stages[0].acknowledged == 2)
        #expect(coordinator.stages[0].latency.microsecondsMax.map { (2_900...3_100).contains($0) } == true)
        let line = GeneratorOrder.stage(LoadStage(rate: 7.5, churn: 0.06)).line
        #expect(line == #"{"stage":{"churn":0.06,"rate":7.5}}"#)
        let held = GeneratorOrder.stage(LoadStage(rate: 1, viewers: 30)).line
        #expect(held == #"{"stage":{"churn":0,"rate":1,"viewers":30}}"#)
    }

    /// A line that is cut off, or of another version, ends the run; what is for people does not.
    @Test func aMessageThatCannotBeReadIsAProblem() async throws {
        let message = SwarmMessage.connected(viewers: 1, failed: 0, seconds: 0)
        let whole = String(decoding: try JSONEncoder().encode(message), as: UTF8.self)
        for (said, problem) in [
            ("{\"event\":\"prog", "swarm-1 said what cannot be read: {\"event\":\"prog"),
            ("{}", "swarm-1 said what cannot be read: {}"), ("warning: slow", nil),
        ] as [(String, String?)] {
            try await withSwarm("echo '\(said)'\necho '\(whole)'\nsleep 60") { node in
                let group = LoadGeneratorGroup([node])
                let failure = await Failure.of {
                    try await group.listening { try await group.reach(.connected, atMost: .seconds(30)) }
                }
                #expect(failure == problem.map { .unavailable($0) })
            }
        }
    }

    /// Lines that had no room are not known, whatever the others say.
    @Test func linesThatWereDroppedAreAProblem() async throws {
        try await withSwarm("for line in $(seq \(Child.linesMax + 100)); do echo line; done; read wait") { node in
            let child = try #require(node.child)
            #expect(await eventually { child.linesDropped == 100 })
            let group = LoadGeneratorGroup([node])
            let failure = await Failure.of {
                try await group.listening {
                    try await group.say("go on, and end")
                    try await group.reach(.connected, atMost: .seconds(30))
                }
            }
            #expect(failure == .unavailable("swarm-1 said more than could be read"))
        }
    }

    /// A script in the place of a swarm.
    private func withSwarm(_ script: String, _ body: (Node) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            try "#!/bin/sh\n\(script)\n".write(toFile: "\(folder)/swarm", atomically: true, encoding: .utf8)
            chmod("\(folder)/swarm", 0o755)
            let testbed = Testbed(try Folders(report: folder))
            try await withEnd({ await testbed.end() }) {
                let log = testbed.folders.log("swarm-1")
                try await body(
                    try await testbed.add(
                        .client,
                        ChildSpecification(
                            name: "swarm-1", executable: "\(folder)/swarm", log: log, life: .ends(codes: [0]),
                            converses: true)))
            }
        }
    }

    @Test func aPhaseIsReachedWithTheLastSwarm() throws {
        let zero = makeSwarm(lost: 7)
        var coordinator = SwarmCoordinator(swarms: 2)
        #expect(coordinator.phase == .connecting)
        try coordinator.received(.connected(viewers: 10, failed: 1, seconds: 0.5), from: 0)
        #expect(coordinator.phase == .connecting)
        try coordinator.received(.connected(viewers: 7, failed: 0, seconds: 2), from: 1)
        #expect(coordinator.phase == .connected)
        #expect(coordinator.connections == .init(connected: 17, failed: 1, connectSeconds: 2))
        try coordinator.received(makePublished([:]), from: 0)
        try coordinator.received(.report(zero), from: 0)
        #expect(coordinator.phase == .connected)
        try coordinator.received(makePublished([:]), from: 1)
        #expect(coordinator.phase == .published)
        try coordinator.received(.report(makeSwarm()), from: 1)
        #expect(coordinator.phase == .reported)
        #expect(coordinator.reports == [zero, makeSwarm()])
    }

    @Test func everySwarmIsToldWhatAllOfThemWrote() throws {
        var coordinator = SwarmCoordinator(swarms: 3)
        for swarm in 0..<3 { try coordinator.received(.connected(viewers: 1, failed: 0, seconds: 0), from: swarm) }
        try coordinator.received(makePublished(["video:v1": [("9.k3f9", 1)], "video:v2": [("1.abcd", 1)]]), from: 0)
        try coordinator.received(makePublished(["video:v1": [("12.k3f9", 1), ("10.k3f9", 1)]]), from: 1)
        try coordinator.received(makePublished(["video:v1": [("11.k3f9", 1)]]), from: 2)
        let channel = try #require(coordinator.published["video:v1"])
        #expect(channel.acknowledged == 4 && channel.ends == [Position(offset: 12, epoch: "k3f9")])
        #expect(channel.epochs.first?.comments.map(\.offset) == [9, 12, 10, 11])
        let told = GeneratorOrder.expect(coordinator.published)
        #expect(GeneratorOrder(line: told.line) == told && told.line.hasPrefix(#"{"expect":{"video:v1":"#))
    }

    @Test func theNewestEpochIsTheOneThatBeganLast() throws {
        var coordinator = SwarmCoordinator(swarms: 2)
        for swarm in 0..<2 { try coordinator.received(.connected(viewers: 1, failed: 0, seconds: 0), from: swarm) }
        // A lower offset in a newer epoch: the offsets of two epochs say nothing about each other.
        try coordinator.received(
            makePublished(["video:v1": [("90.old", 10), ("2.new", 40)]], numbers: [1]), from: 0)
        try coordinator.received(makePublished(["video:v1": [("93.old", 12)]], numbers: [1, 2]), from: 1)
        #expect(coordinator.published["video:v1"]?.ends.map(\.description) == ["93.old", "2.new"])
        #expect(coordinator.written == ["video:v1": ["0.1", "1.1", "1.2"]])
    }

    @Test func theCrowdIsWholeWhenEverySwarmIs() throws {
        var coordinator = SwarmCoordinator(swarms: 2)
        func state(_ at: Int64, _ factor: Int, _ away: Int, _ whole: Int64) -> SwarmMessage.CrowdState {
            var state = SwarmMessage.CrowdState()
            (state.at, state.away, state.wholeThrough) = (at, away, whole)
            (state.watching, state.behind, state.attempts, state.connects) = (
                5 * factor, factor, 6 * factor, 5 * factor
            )
            return state
        }
        func progress(_ away: Int, _ whole: Int64) -> SwarmMessage {
            .progress(second: 1, delivered: 1, acknowledged: 1, crowd: state(100 + whole, 1, away, whole))
        }
        try coordinator.received(progress(1, 50), from: 0)
        #expect(coordinator.crowd == nil)
        try coordinator.received(progress(2, 30), from: 1)
        #expect(coordinator.crowd == state(150, 2, 3, 30))
    }

    @Test func progressReplacesWhatTheSameSwarmSaidBefore() throws {
        var coordinator = SwarmCoordinator(swarms: 2)
        try coordinator.received(.progress(second: 1, delivered: 10, acknowledged: 1), from: 0)
        try coordinator.received(.progress(second: 1, delivered: 5, acknowledged: 2), from: 1)
        try coordinator.received(.progress(second: 2, delivered: 30, acknowledged: 3), from: 0)
        #expect(coordinator.delivered == 35)
        #expect(coordinator.acknowledged == 5)
    }

    @Test func aSecondIsKnownWhenEverySwarmHasToldIt() throws {
        var coordinator = SwarmCoordinator(swarms: 2)
        func tell(_ second: Double, _ swarm: Int, milliseconds: Int64, count: UInt64 = 1, number: Int = 10) throws {
            var latency = LatencyHistogram()
            latency.record(microseconds: milliseconds * 1000, count: count)
            try coordinator.received(
                .progress(
                    second: second, seconds: second + Double(swarm) / 10, delivered: number, acknowledged: 1,
                    latency: latency), from: swarm)
        }
        try tell(1, 0, milliseconds: 1, count: 99)
        try tell(2, 0, milliseconds: 7, number: 30)
        #expect(coordinator.seconds.isEmpty && coordinator.latency == nil)
        try tell(1, 1, milliseconds: 500)
        let first = try #require(coordinator.seconds.first)
        #expect(coordinator.seconds.count == 1)
        #expect(first.seconds == 1.1 && first.delivered == 20 && first.acknowledged == 2)
        #expect(first.latency?.p50.map { $0.rounded() } == 1)
        #expect((first.latency?.max ?? 0) >= 500)
        // A second in which nothing came has no latency, and the whole run still has.
        try coordinator.received(
            .progress(second: 2, seconds: 2, delivered: 15, acknowledged: 4, latency: LatencyHistogram()), from: 1)
        #expect(coordinator.seconds.map(\.delivered) == [20, 45])
        #expect(coordinator.seconds.last?.latency?.p50.map { $0.rounded() } == 7)
        #expect(coordinator.latency?.p50.map { $0.rounded() } == 1)
    }

    /// One that tells nothing any more is not waited for without end.
    @Test func aSwarmThatFellSilentDoesNotFillTheMemory() throws {
        var coordinator = SwarmCoordinator(swarms: 2)
        for second in 1...100 {
            try coordinator.received(
                .progress(second: Double(second), delivered: 1, acknowledged: 1, latency: LatencyHistogram()), from: 0)
        }
        for second in 1...100 {
            try coordinator.received(
                .progress(second: Double(second), delivered: 1, acknowledged: 1, latency: LatencyHistogram()), from: 1)
        }
        #expect(coordinator.seconds.map(\.seconds) == (41...100).map(Double.init))
    }

    @Test func nobodySkipsOrRepeatsAPhase() throws {
        var coordinator = SwarmCoordinator(swarms: 1)
        #expect(throws: SwarmCoordinator.OutOfTurn(swarm: 0, said: .published, after: .connecting)) {
            try coordinator.received(makePublished([:]), from: 0)
        }
        try coordinator.received(.connected(viewers: 1, failed: 0, seconds: 0), from: 0)
        #expect(throws: SwarmCoordinator.OutOfTurn.self) {
            try coordinator.received(.connected(viewers: 1, failed: 0, seconds: 0), from: 0)
        }
        #expect(coordinator.connections.connected == 1)
    }
}

struct SwarmMessageTests {
    @Test func theLinesOfASwarmAreRead() {
        #expect(
            SwarmMessage(line: #"{"event":"connected","viewers":9,"failed":1,"seconds":0.25}"#)
                == .connected(viewers: 9, failed: 1, seconds: 0.25))
        #expect(
            SwarmMessage(line: #"{"event":"progress","second":3,"delivered":70,"acknowledged":7}"#)
                == .progress(second: 3, delivered: 70, acknowledged: 7))
        var latency = LatencyHistogram()
        latency.record(microseconds: 1_500, count: 3)
        let progress = SwarmMessage.progress(second: 3, delivered: 70, acknowledged: 7, latency: latency)
        #expect(SwarmMessage(line: progress.line) == progress)
        let published = SwarmMessage.published(["video:v1": ChannelComments()])
        #expect(SwarmMessage(line: published.line) == published)
        #expect(SwarmMessage(line: SwarmMessage.report(makeSwarm()).line) == .report(makeSwarm()))
    }

    @Test(arguments: [
        "", "hello", "{}", #"{"event":"report"}"#, #"{"event":"connected"}"#, #"{"event":"published"}"#,
        #"{"event":"other","viewers":1}"#,
    ])
    func anythingElseIsForPeople(line: String) {
        #expect(SwarmMessage(line: line) == nil)
    }
}
