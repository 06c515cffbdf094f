import Broker
import Glibc
import InMemory
import Logging
import Testing
import Wire

@testable import Fanout

@Suite struct HubOverloadTests {
    private static let messages = 3_000

    @Test(.timeLimit(.minutes(1))) func aLoopThatIsBehindLosesNothing() async throws {
        let channel = try #require(Channel.video("v"))
        let broker = InMemoryBroker(historyLength: Self.messages)
        // Four messages fill a mailbox.
        var settings = HubSettings(loops: 2)
        settings.backlogBytes = 64 << 20
        settings.loopBytesMax = 4_096
        let hub = try Hub(
            settings: settings, broker: broker, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await hub.run() }
            defer { group.cancelAll() }
            while !hub.isReady { try await Task.sleep(for: .milliseconds(1)) }
            var viewers: [SocketPair] = []
            for _ in 0..<4 {
                let pair = try SocketPair()
                try await hub.join([channel]).attach(
                    descriptor: pair.takeServerSide(), from: .now, hello: Array("{}".utf8))
                viewers.append(pair)
            }
            let payload = EventStream.frame(data: Array(repeating: UInt8(ascii: "x"), count: 1_000))
            // Several publishers, so that messages and repairs meet.
            try await withThrowingTaskGroup(of: Void.self) { publishers in
                for _ in 0..<4 {
                    publishers.addTask {
                        for _ in 0..<Self.messages / 4 { _ = try await broker.publish(payload, to: channel) }
                    }
                }
                try await publishers.waitForAll()
            }
            for viewer in viewers {
                let offsets = try await viewer.offsets(until: UInt64(Self.messages))
                #expect(offsets == Array(0...UInt64(Self.messages)))
            }
            #expect(hub.counters.messagesDeferred > 0, "the loops must have been behind, or this shows nothing")
        }
    }
}

private final class SocketPair {
    struct Failed: Error {}
    struct TooLate: Error {
        let offsets: [UInt64]
    }

    private let own: Int32
    private var server: Int32
    private var parser = EventStreamParser()

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0, &ends) == 0 else {
            throw Failed()
        }
        (own, server) = (ends[0], ends[1])
    }

    deinit {
        close(own)
        if server >= 0 { close(server) }
    }

    func takeServerSide() -> Int32 {
        defer { server = -1 }
        return server
    }

    /// The offsets of all events, the first being that of `connected`, until `last` has come. Sizes of chunks are lines
    /// that a parser of event streams does not know and skips.
    func offsets(until last: UInt64) async throws -> [UInt64] {
        var offsets: [UInt64] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        let deadline = ContinuousClock.now + .seconds(30)
        while offsets.last != last {
            guard ContinuousClock.now < deadline else { throw TooLate(offsets: offsets) }
            let count = recv(own, &piece, piece.count, 0)
            guard count > 0 else {
                try await Task.sleep(for: .milliseconds(1))
                continue
            }
            for event in try parser.feed(piece[..<count]) {
                offsets.append(Position(parsing: event.id)?.offset ?? .max)
            }
        }
        return offsets
    }
}
