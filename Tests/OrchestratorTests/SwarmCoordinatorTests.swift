import Audience
import Foundation
import Testing

@testable import Orchestrator

struct SwarmCoordinatorTests {
    func makePublished(_ channels: [String: (Int, String)]) -> SwarmMessage {
        .published(channels.mapValues { SwarmMessage.Channel(acknowledged: $0.0, last: $0.1) })
    }

    @Test func aPhaseIsReachedWithTheLastSwarm() throws {
        let zero = makeSwarm(lost: 7)
        var coordinator = SwarmCoordinator(swarms: 2)
        #expect(coordinator.phase == .connecting)
        try coordinator.received(.connected(viewers: 10, failed: 1, seconds: 0.5), from: 0)
        #expect(coordinator.phase == .connecting)
        try coordinator.received(.connected(viewers: 7, failed: 0, seconds: 2), from: 1)
        #expect(coordinator.phase == .connected)
        #expect(coordinator.connected == 17)
        #expect(coordinator.failed == 1)
        #expect(coordinator.connectSeconds == 2)
        try coordinator.received(makePublished([:]), from: 0)
        try coordinator.received(.report(zero), from: 0)
        #expect(coordinator.phase == .connected)
        try coordinator.received(makePublished([:]), from: 1)
        #expect(coordinator.phase == .published)
        try coordinator.received(.report(makeSwarm()), from: 1)
        #expect(coordinator.phase == .reported)
        #expect(coordinator.reports == [zero, makeSwarm()])
    }

    @Test func everyViewerMustReachTheHighestPosition() throws {
        var coordinator = SwarmCoordinator(swarms: 3)
        for swarm in 0..<3 { try coordinator.received(.connected(viewers: 1, failed: 0, seconds: 0), from: swarm) }
        try coordinator.received(makePublished(["video:v1": (5, "9.k3f9"), "video:v2": (1, "1.abcd")]), from: 0)
        try coordinator.received(makePublished(["video:v1": (7, "12.k3f9")]), from: 1)
        try coordinator.received(makePublished(["video:v1": (2, "11.k3f9")]), from: 2)
        #expect(coordinator.published["video:v1"] == SwarmMessage.Channel(acknowledged: 14, last: "12.k3f9"))
        #expect(coordinator.expectation == #"{"expect":{"video:v1":"12.k3f9","video:v2":"1.abcd"}}"#)
    }

    @Test func theNewestEpochIsTheOneThatBeganLast() throws {
        var coordinator = SwarmCoordinator(swarms: 2)
        for swarm in 0..<2 { try coordinator.received(.connected(viewers: 1, failed: 0, seconds: 0), from: swarm) }
        func published(_ ends: [(String, Int64)], _ numbers: [Int]) -> SwarmMessage {
            let epochs = ends.map { SwarmMessage.Epoch(last: $0.0, since: $0.1) }
            return .published([
                "video:v1": .init(acknowledged: 3, last: ends.last?.0, epochs: epochs, numbers: numbers)
            ])
        }
        // A lower offset in a newer epoch: the offsets of two epochs say nothing about each other.
        try coordinator.received(published([("90.old", 10), ("2.new", 40)], [1]), from: 0)
        try coordinator.received(published([("93.old", 12)], [1, 2]), from: 1)
        #expect(coordinator.published["video:v1"]?.last == "2.new")
        #expect(coordinator.expectation == #"{"expect":{"video:v1":["93.old","2.new"]}}"#)
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

    @Test func nobodySkipsOrRepeatsAPhase() throws {
        var coordinator = SwarmCoordinator(swarms: 1)
        #expect(throws: SwarmCoordinator.OutOfTurn(swarm: 0, said: .published, after: .connecting)) {
            try coordinator.received(makePublished([:]), from: 0)
        }
        try coordinator.received(.connected(viewers: 1, failed: 0, seconds: 0), from: 0)
        #expect(throws: SwarmCoordinator.OutOfTurn.self) {
            try coordinator.received(.connected(viewers: 1, failed: 0, seconds: 0), from: 0)
        }
        #expect(coordinator.connected == 1)
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
        #expect(
            SwarmMessage(line: #"{"event":"published","channels":{"video:v1":{"acknowledged":57,"last":"57.k3f9"}}}"#)
                == .published(["video:v1": SwarmMessage.Channel(acknowledged: 57, last: "57.k3f9")]))
        #expect(SwarmMessage(line: SwarmMessage.report(makeSwarm()).json) == .report(makeSwarm()))
    }

    @Test(arguments: [
        "", "hello", "{}", #"{"event":"report"}"#, #"{"event":"connected"}"#, #"{"event":"published"}"#,
        #"{"event":"other","viewers":1}"#,
    ])
    func anythingElseIsForPeople(line: String) {
        #expect(SwarmMessage(line: line) == nil)
    }
}

extension SwarmMessage {
    fileprivate var json: String {
        (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
