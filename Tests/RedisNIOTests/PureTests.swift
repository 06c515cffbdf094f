import NIOCore
import Testing

@testable import RedisNIO

/// `#expect` of what a mutating call returns.
private func expect<Value: Equatable>(
    _ found: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(found == expected, sourceLocation: sourceLocation)
}

@Suite struct SubscriptionTableTests {
    private func makeConnected() -> SubscriptionTable {
        var table = SubscriptionTable(limit: 1000)
        table.connected()
        return table
    }

    @Test func subscribesOnceAndConfirms() {
        var table = makeConnected()
        expect(table.subscribe(["a"]), true)
        expect(table.flush(), .init(subscribe: [["a"]]))
        expect(table.acknowledged(["a"]), ["a"])
        expect(table.subscribe(["a"]), true)
        expect(table.flush(), .init(confirmed: ["a"]))
        expect(table.flush(), .init())
    }

    @Test func changesOfOneTurnMelt() {
        var table = makeConnected()
        _ = table.subscribe(["a"])
        table.unsubscribe(["a"])
        expect(table.flush(), .init())
        #expect(table.wantedCount == 0)
    }

    @Test func onlyTheLastAcknowledgementCounts() {
        var table = makeConnected()
        _ = table.subscribe(["a"])
        _ = table.flush()
        table.unsubscribe(["a"])
        expect(table.flush(), .init(unsubscribe: [["a"]]))
        _ = table.subscribe(["a"])
        expect(table.flush(), .init(subscribe: [["a"]]))
        expect(table.acknowledged(["a"]), [])
        expect(table.acknowledged(["a"]), [])
        expect(table.acknowledged(["a"]), ["a"])
        expect(table.acknowledged(["a"]), [])
    }

    @Test func reconnectingSubscribesWhatIsWantedInBatches() {
        var table = makeConnected()
        let channels = (0..<600).map { "c\($0)" }
        _ = table.subscribe(channels)
        expect(table.flush().subscribe.map(\.count), [256, 256, 88])
        table.unsubscribe(["c0"])
        _ = table.disconnected()
        expect(table.flush(), .init())
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
        expect(liveness.tick(now: at(1)), .none)
        expect(liveness.tick(now: at(2)), .ping)
        expect(liveness.tick(now: at(4)), .none)
        liveness.received(now: at(4))
        expect(liveness.tick(now: at(6)), .ping)
        expect(liveness.tick(now: at(9)), .giveUp)
    }
}

@Suite struct ReplyQueueTests {
    @Test func firstInFirstOutAcrossPipelines() {
        var queue = ReplyQueue<String>()
        queue.append("pipeline", replies: 2, deadline: .uptimeNanoseconds(5))
        queue.append("single", replies: 1, deadline: .uptimeNanoseconds(9))
        #expect(queue.oldestDeadline == .uptimeNanoseconds(5))
        guard case .partial = queue.receive(.integer(1)),
            case .complete("pipeline", [.integer(1), .integer(2)]) = queue.receive(.integer(2))
        else { return #expect(Bool(false)) }
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

@Suite struct EndpointTests {
    @Test func plain() throws {
        let endpoint = try RedisEndpoint(parsing: "redis://127.0.0.1")
        #expect(endpoint == RedisEndpoint(host: "127.0.0.1", port: 6379))
    }

    @Test func everything() throws {
        let endpoint = try RedisEndpoint(parsing: "redis://anna:p%40ss@redis.example:6380/3")
        #expect(
            endpoint == RedisEndpoint(host: "redis.example", port: 6380, database: 3, user: "anna", password: "p@ss"))
        #expect(try RedisEndpoint(parsing: "REDIS://:secret@[::1]:7000/").host == "::1")
        #expect(try RedisEndpoint(parsing: "redis://:a:b@h").password == "a:b")
        let encrypted = RedisEndpoint(host: "h", port: 6380, password: "a", tls: RedisTLS())
        #expect(try RedisEndpoint(parsing: "rediss://:a@h:6380") == encrypted)
        #expect("\(encrypted)" == "rediss://h:6380/0")
    }

    @Test(arguments: [
        ("http://h", RedisEndpointError.wrongScheme), ("redissl://h", .wrongScheme), ("rediss://h?a", .unexpectedQuery),
        ("redis://", .missingHost),
        ("redis://:6379", .missingHost), ("redis://h:", .unreadablePort("")), ("redis://h:0", .unreadablePort("0")),
        ("redis://h:65536", .unreadablePort("65536")), ("redis://h:+1", .unreadablePort("+1")),
        ("redis://h/x", .unreadableDatabase("x")), ("redis://h/-1", .unreadableDatabase("-1")),
        ("redis://anna@h", .missingPassword), ("redis://anna:%zz@h", .unreadableCredentials),
        ("redis://h?db=1", .unexpectedQuery), ("redis://a b", .missingHost),
    ])
    func refused(text: String, error: RedisEndpointError) {
        #expect(throws: error) { try RedisEndpoint(parsing: text) }
    }

    @Test func showsNoSecret() throws {
        let endpoint = try RedisEndpoint(parsing: "redis://anna:hushhush@h:1/2")
        var dumped = ""
        dump(endpoint, to: &dumped)
        for text in ["\(endpoint)", String(reflecting: endpoint), dumped] { #expect(!text.contains("hush")) }
        #expect("\(endpoint)" == "redis://h:1/2")
    }
}
