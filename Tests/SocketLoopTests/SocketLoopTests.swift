import Foundation
import TestSupport
import Testing

@testable import SocketLoop

/// The loop with real sockets: pairs, so that no port is needed.
@Suite struct SocketLoopTests {
    @Test func bytesGoBothWays() async throws {
        try await withLoop { loop, log in
            let peer = try Peer.handedTo(loop)
            peer.write("ping")
            try await log.wait { $0.received == "ping" }
            loop.submit(.send(Array("pong".utf8)))
            #expect(try await peer.read(4) == "pong")
        }
    }

    @Test func aPeerThatClosesIsTold() async throws {
        try await withLoop { loop, log in
            let peer = try Peer.handedTo(loop)
            peer.close()
            try await log.wait { $0.closed == [.peerClosed] }
            #expect(log.state.open == 0)
        }
    }

    @Test func whatTheKernelDoesNotTakeWaitsAndArrivesInOrder() async throws {
        try await withLoop(backlogBytesMax: 64 << 20) { loop, log in
            let peer = try Peer.handedTo(loop)
            let parts = (0..<200).map { part in Array(repeating: UInt8(part), count: 50_000) }
            for part in parts { loop.submit(.send(part)) }
            try await log.wait { $0.sent == 200 }
            #expect(log.state.waiting > 0)
            let all = try await peer.readBytes(200 * 50_000)
            #expect(all == parts.flatMap { $0 })
        }
    }

    @Test func aPeerThatDoesNotReadIsCutAtTheLimit() async throws {
        try await withLoop(backlogBytesMax: 100_000) { loop, log in
            let peer = try Peer.handedTo(loop)
            for _ in 0..<100 { loop.submit(.send(Array(repeating: 1, count: 20_000))) }
            try await log.wait { $0.closed == [.slowConsumer] }
            #expect(log.state.open == 0)
            peer.close()
        }
    }

    @Test func writingToAPeerThatIsGoneIsNoCrash() async throws {
        try await withLoop { loop, log in
            for _ in 0..<50 {
                let peer = try Peer.handedTo(loop)
                peer.close()
                loop.submit(.send([1, 2, 3]))
            }
            try await log.wait { $0.closed.count == 50 }
            #expect(log.state.open == 0)
        }
    }

    @Test func aStaleHandleNamesNobody() async throws {
        try await withLoop { loop, log in
            let first = try Peer.handedTo(loop)
            first.close()
            try await log.wait { $0.closed.count == 1 }
            let second = try Peer.handedTo(loop)
            loop.submit(.sendToFirst(Array("stale".utf8)))
            loop.submit(.send(Array("fresh".utf8)))
            #expect(try await second.read(5) == "fresh")
        }
    }

    @Test func timersFireAndNotBeforeTheirTime() async throws {
        try await withLoop { loop, log in
            let start = ContinuousClock.now
            loop.submit(.schedule(milliseconds: 100))
            try await log.wait { $0.fired == 1 }
            // The loop looks at its clock once a turn, and that may have been a tick ago.
            #expect(ContinuousClock.now - start > .milliseconds(80))
        }
    }

    @Test func aFullMailboxRefuses() async throws {
        let loop = try SocketLoop(settings: .init(name: "test", mailboxWeightMax: 100)) { EchoHandler(EventLog()) }
        #expect(loop.submit(.send([]), weight: 90))
        #expect(!loop.hasRoom(for: 20))
        #expect(!loop.submit(.send([]), weight: 20))
        loop.start()
        await loop.stop()
        #expect(!loop.submit(.send([])))
    }

    @Test func stoppingClosesEverySocket() async throws {
        let log = EventLog()
        let loop = try SocketLoop(settings: .init(name: "test")) { EchoHandler(log) }
        loop.start()
        let peers = try (0..<100).map { _ in try Peer.handedTo(loop) }
        try await log.wait { $0.open == 100 }
        await loop.stop()
        for peer in peers { #expect(try await peer.read(1) == "") }
        for peer in peers { peer.close() }
    }

    private func withLoop(
        backlogBytesMax: Int = 1 << 20, _ body: (SocketLoop<EchoHandler>, EventLog) async throws -> Void
    ) async throws {
        let log = EventLog()
        let limits = Sockets.Limits(backlogBytesMax: backlogBytesMax)
        let loop = try SocketLoop(settings: .init(name: "test", limits: limits)) { EchoHandler(log) }
        loop.start()
        do { try await body(loop, log) } catch {
            await loop.stop()
            throw error
        }
        await loop.stop()
    }
}

@Suite struct TimerWheelTests {
    private func token(_ value: UInt64) -> TimerToken { TimerToken(kind: 1, value: value) }

    @Test func deadlinesFireAtTheirTickAndNotBefore() {
        var wheel = TimerWheel(tickNanoseconds: 10, slots: 8, now: 0)
        wheel.schedule(token(1), at: 25)
        wheel.schedule(token(2), at: 30)
        wheel.schedule(token(3), at: 31)
        var fired: [TimerToken] = []
        wheel.expire(now: 29, into: &fired)
        #expect(fired.isEmpty)
        wheel.expire(now: 30, into: &fired)
        #expect(fired == [token(1), token(2)])
        #expect(wheel.nanosecondsToNext(now: 30) == 10)
        wheel.expire(now: 40, into: &fired)
        #expect(fired.last == token(3))
        #expect(wheel.count == 0 && wheel.nanosecondsToNext(now: 40) == nil)
    }

    @Test func beyondOneTurnOfTheRing() {
        var wheel = TimerWheel(tickNanoseconds: 10, slots: 8, now: 0)
        wheel.schedule(token(1), at: 50)
        wheel.schedule(token(2), at: 50 + 80)
        var fired: [TimerToken] = []
        wheel.expire(now: 60, into: &fired)
        #expect(fired == [token(1)])
        wheel.expire(now: 120, into: &fired)
        #expect(fired.count == 1)
        wheel.expire(now: 130, into: &fired)
        #expect(fired == [token(1), token(2)])
    }

    /// Deadlines that move through all slots of the ring leave no memory behind.
    @Test func slotsThatAreDoneKeepNothing() {
        var wheel = TimerWheel(tickNanoseconds: 10, now: 0)
        let before = allocatedBytes()
        var fired: [TimerToken] = []
        for tick in 1...UInt64(4_096) {
            for value in 0..<UInt64(64) { wheel.schedule(token(value), at: tick * 10) }
            wheel.expire(now: tick * 10, into: &fired)
            #expect(fired.count == 64)
            fired.removeAll(keepingCapacity: true)
        }
        // 64 entries are 1.5 KB.
        #expect(allocatedBytes() - before < 2_000_000)
    }

    @Test func aLongPauseLosesNothing() {
        var wheel = TimerWheel(tickNanoseconds: 10, slots: 8, now: 0)
        for value in 1...100 { wheel.schedule(token(UInt64(value)), at: UInt64(value) * 7) }
        var fired: [TimerToken] = []
        wheel.expire(now: 1_000_000, into: &fired)
        #expect(fired.count == 100)
        #expect(wheel.count == 0)
        wheel.schedule(token(7), at: 5)
        wheel.expire(now: 1_000_010, into: &fired)
        #expect(fired.count == 101)
    }
}
