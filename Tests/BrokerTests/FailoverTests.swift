import RedisNIO
import TestSupport
import Testbed
import Testing
import Wire

@testable import Broker

/// Two Redis servers that take each other's place: no offset is given out twice, whoever writes next.
@Suite struct FailoverTests {
    private let options = RedisOptions(arguments: ["--repl-diskless-sync-delay", "0"])

    enum NextWriter: CaseIterable {
        /// Has the acknowledgements of what is lost.
        case same
        /// Has been connected all the time and knows of nothing.
        case other
        /// As above; the one with the acknowledgements may not call INFO.
        case sameWithoutInfo
    }

    /// The replica is promoted without the newest comments; the old master takes its data and is promoted again. Its process
    /// and the connections to it are the same all the time.
    @Test(arguments: NextWriter.allCases)
    func failoverAndFailback(next: NextWriter) async throws {
        try await withBroker(options) { master, writer in
            try await withBroker(master) { other in
                try await withRedis(options) { replica in
                    try await withSubscriber(other, to: [video("v")]) { sink in
                        try await follow(replica, master)
                        let kept = try await publish(1...97, writer)
                        #expect(await eventually { try length(replica) == 97 })
                        try replica.command("REPLICAOF", "NO", "ONE")
                        let lost = try await publish(98...100, writer)
                        try await follow(master, replica)
                        #expect(try length(master) == 97)
                        try master.command("REPLICAOF", "NO", "ONE")
                        if next == .sameWithoutInfo { try master.command("ACL", "SETUSER", "default", "-info") }
                        let after = try await publish(101...105, next == .other ? other : writer)

                        #expect(Set((kept + lost + after).map(\.epoch)).count == 1)
                        #expect(Set((kept + lost + after).map(\.offset)).count == 105)
                        #expect(after.allSatisfy { $0.offset > 100 })
                        #expect(await eventually { sink.messages.count == 105 })
                        #expect(sink.messages.compactMap(\.position) == kept + lost + after)
                        let page = try await writer.history(of: video("v"), after: 97, through: nil, limit: 10)
                        #expect(page.entries.map(\.offset) == after.map(\.offset))
                        #expect(page.missing == (next == .other ? [] : [98...100]))
                    }
                }
            }
        }
    }

    /// A master that has not written to a channel yet is replaced, and writes to it later than its heir did: what it gives out
    /// lies above. Whoever has that learns from the heir's history that the channel goes on below.
    @Test func whatAReplacedMasterGaveOutIsFoundOut() async throws {
        try await withBroker(options) { heir, writer in
            try await withRedis(options) { master in
                try await withBroker(master) { late in
                    let before = try await publish(1...3, writer)
                    try await follow(master, heir)
                    try master.command("REPLICAOF", "NO", "ONE")
                    try await follow(heir, master)
                    try heir.command("REPLICAOF", "NO", "ONE")
                    let jumped = try await publish(4...5, writer)
                    #expect(jumped[0].offset > PositionRule.restartStep && jumped[1].offset == jumped[0].offset + 1)

                    let untouched = try await late.history(of: video("v"), after: 1000, through: nil, limit: 10)
                    #expect(untouched.position == before.last && !untouched.continuesHere, "its next offset jumps")
                    // Positions jump by Redis's clock, in seconds.
                    try await Task.sleep(for: .seconds(2))
                    let phantom = try await publish(6...6, late)[0]
                    #expect(phantom.offset > jumped[1].offset)

                    func page(after offset: UInt64) async throws -> HistoryPage {
                        try await writer.history(of: video("v"), after: offset, through: nil, limit: 10)
                    }
                    #expect(try await page(after: phantom.offset).position == jumped.last)
                    #expect(try await page(after: phantom.offset).continuesHere)
                    #expect(try await !page(after: jumped[1].offset).continuesHere, "nothing lies above")
                    try heir.command("ACL", "SETUSER", "default", "-info")
                    #expect(try await !page(after: phantom.offset).continuesHere, "the user may not know")
                }
            }
        }
    }

    /// Between the two questions comments go on.
    @Test func whatComesBetweenPageAndQuestionDoesNotHideIt() {
        let query = HistoryQuery(channel: video("v"), after: 9_000_000, through: nil, limit: 10)
        func continues(_ stored: String, history: String = "0123456789ab") -> Bool {
            let info = "# Replication\r\nrole:master\r\nmaster_replid:\(history)cdef\r\nmaster_repl_offset:7\r\n"
            let results = RESPValue.array([.bytes(Array(stored.utf8)), .bytes(Array(info.utf8))])
            return query.continues(from: Position(offset: 2_000_001, epoch: "e"), [.status("OK"), results])
        }
        #expect(continues("2000001.e.0123456789ab") && continues("2000005.e.0123456789ab"))
        #expect(!continues("2000001.e.0123456789ab", history: "ba9876543210"), "the next offset jumps")
        #expect(!continues("9000001.e.0123456789ab") && !continues("3.other.0123456789ab") && !continues("2000001.e"))
    }

    private func publish(_ numbers: ClosedRange<Int>, _ broker: RedisBroker) async throws -> [Position] {
        var positions: [Position] = []
        for number in numbers { positions.append(try await broker.publish(payload(number), to: video("v"))) }
        return positions
    }

    /// Makes one server the replica of another, and waits until it has its data.
    private func follow(_ replica: Node, _ master: Node) async throws {
        try replica.command("REPLICAOF", "127.0.0.1", "\(master.port)")
        #expect(
            await eventually(within: 30) {
                try replica.command("INFO", "replication").contains("master_link_status:up")
            })
    }

    private func length(_ redis: Node) throws -> Int? {
        Int(try redis.command("XLEN", video("v").historyKey).dropFirst().dropLast())
    }
}
