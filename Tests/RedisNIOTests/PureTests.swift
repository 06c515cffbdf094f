import NIOCore
import Testing

@testable import RedisNIO

@Suite struct SubscriptionTableTests {
    private func makeConnected() -> SubscriptionTable {
        var table = SubscriptionTable(limit: 1000)
        table.connected()
        return table
    }

    @Test func subscribesOnceAndConfirms() {
        var table = makeConnected()
        let result1 = table.subscribe(["a"])
        #expect(result1)
        let result2 = table.flush()
        #expect(result2 == .init(subscribe: [["a"]]))
        let result3 = table.acknowledged(["a"])
        #expect(result3 == ["a"])
        let result4 = table.subscribe(["a"])
        #expect(result4)
        let result5 = table.flush()
        #expect(result5 == .init(confirmed: ["a"]))
        let result6 = table.flush()
        #expect(result6.isEmpty)
    }

    @Test func changesOfOneTurnMelt() {
        var table = makeConnected()
        _ = table.subscribe(["a"])
        table.unsubscribe(["a"])
        let result7 = table.flush()
        #expect(result7.isEmpty)
        #expect(table.wantedCount == 0)
    }

    @Test func onlyTheLastAcknowledgementCounts() {
        var table = makeConnected()
        _ = table.subscribe(["a"])
        _ = table.flush()
        table.unsubscribe(["a"])
        let result8 = table.flush()
        #expect(result8 == .init(unsubscribe: [["a"]]))
        _ = table.subscribe(["a"])
        let result9 = table.flush()
        #expect(result9 == .init(subscribe: [["a"]]))
        let result10 = table.acknowledged(["a"])
        #expect(result10.isEmpty)
        let result11 = table.acknowledged(["a"])
        #expect(result11.isEmpty)
        let result12 = table.acknowledged(["a"])
        #expect(result12 == ["a"])
        let result13 = table.acknowledged(["a"])
        #expect(result13.isEmpty)
    }

    @Test func reconnectingSubscribesWhatIsWantedInBatches() {
        var table = makeConnected()
        let channels = (0..<600).map { "c\($0)" }
        _ = table.subscribe(channels)
        let result14 = table.flush()
        #expect(result14.subscribe.map(\.count) == [256, 256, 88])
        table.unsubscribe(["c0"])
        table.disconnected()
        let result15 = table.flush()
        #expect(result15.isEmpty)
        table.connected()
        let commands = table.flush()
        #expect(Set(commands.subscribe.joined()) == Set(channels.dropFirst()))
        #expect(commands.unsubscribe.isEmpty)
    }
}

@Suite struct LivenessTests {
    @Test func asksThenGivesUp() {
        var liveness = Liveness(interval: .seconds(2), timeout: .seconds(3), now: .uptimeNanoseconds(0))
        func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }
        let result16 = liveness.tick(now: at(1))
        #expect(result16 == .none)
        let result17 = liveness.tick(now: at(2))
        #expect(result17 == .ping)
        let result18 = liveness.tick(now: at(4))
        #expect(result18 == .none)
        liveness.received(now: at(4))
        let result19 = liveness.tick(now: at(6))
        #expect(result19 == .ping)
        let result20 = liveness.tick(now: at(9))
        #expect(result20 == .giveUp)
    }
}

@Suite struct ReplyQueueTests {
    @Test func firstInFirstOutAcrossPipelines() {
        var queue = ReplyQueue<String>()
        queue.append("pipeline", replies: 2, deadline: .uptimeNanoseconds(5))
        queue.append("single", replies: 1, deadline: .uptimeNanoseconds(9))
        #expect(queue.oldestDeadline == .uptimeNanoseconds(5))
        guard case .partial = queue.receive(.integer(1)) else { return #expect(Bool(false)) }
        guard case .complete("pipeline", [.integer(1), .integer(2)]) = queue.receive(.integer(2)) else {
            return #expect(Bool(false))
        }
        let left = queue.removeAll(now: .uptimeNanoseconds(10))
        #expect(left.count == 1 && left[0].waiter == "single" && left[0].isOverdue)
        guard case .unexpected = queue.receive(.null) else { return #expect(Bool(false)) }
    }
}

@Suite struct ReaderTests {
    private func read(_ text: String, pieces: Int) throws -> [RESPValue] {
        let builder = ValueBuilder()
        let reader = try ReplyReader(builder: builder)
        var values: [RESPValue] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            let piece = Array(bytes[start..<min(start + pieces, bytes.count)])
            let result = piece.withUnsafeBytes { piece in
                Result { try reader.feed(piece) { if let value = builder.take() { values.append(value) } } }
            }
            try result.get()
        }
        return values
    }

    @Test(arguments: [1, 2, 3, 7, 1000])
    func anyCutGivesTheSameValues(pieces: Int) throws {
        let text = "*3\r\n:-7\r\n*2\r\n$3\r\na\r\n\r\n*0\r\n$-1\r\n+OK\r\n-WRONGTYPE no\r\n*-1\r\n$0\r\n\r\n"
        #expect(
            try read(text, pieces: pieces) == [
                .array([.integer(-7), .array([.bytes(Array("a\r\n".utf8)), .array([])]), .null]), .status("OK"),
                .failure(RedisError(.reply("WRONGTYPE"), "no")), .null, .bytes([]),
            ])
    }

    @Test func foreignBytesAreAViolation() {
        #expect(throws: RedisError.self) { try read("HTTP/1.1 400 Bad Request\r\n", pieces: 100) }
        #expect(throws: RedisError.self) { try read("*1\r\n?x\r\n", pieces: 100) }
    }

    @Test func errorTextsKeepNoArguments() {
        let error = RedisError(serverText: "ERR unknown command 'FOO', with args beginning with: 'secret'")
        #expect(error == RedisError(.reply("ERR"), "unknown command 'FOO'"))
    }
}
