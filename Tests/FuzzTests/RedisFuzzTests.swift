import Placement
import Testing
import Wire

@testable import Broker
@testable import Fanout
@testable import Likes
@testable import RedisNIO

extension FuzzTests {
    private static let protocolTokens = [
        "\r\n", "*", "$", ":", "+", "-", "-1", "*0\r\n", "*2\r\n", "$0\r\n\r\n", "$-1\r\n", "*-1\r\n",
        ":9223372036854775807\r\n",
        "99999999999999999999", "2147483648", "1152921504606846976", "+OK\r\n", "-ERR x\r\n", "$7\r\nmessage\r\n", "\0",
    ]

    /// Replies come out as they were, however the bytes were cut; whole or cut, a mistake is the same mistake.
    @Test func replies() {
        fuzz(
            "replies", tokens: Self.protocolTokens,
            make: { random in
                let values = (0...random.below(3)).map { _ in RedisSamples.value(&random, depth: 0) }
                return (values, values.flatMap { RedisSamples.encoded($0) })
            }
        ) { meaning, input, random in
            let whole = try RedisSamples.values(in: [input])
            let cut = try RedisSamples.values(in: random.pieces(of: input))
            guard whole.values == cut.values, whole.failed == cut.failed else {
                return .wrong("\(whole) and cut \(cut)")
            }
            if let meaning, whole.failed || whole.values != meaning { return .wrong("\(whole) and not \(meaning)") }
            return whole.failed ? .refused : .accepted
        }
    }

    /// The same for what comes over a connection with subscriptions.
    @Test func pushes() {
        fuzz(
            "pushes", tokens: Self.protocolTokens,
            make: { random in
                let pushes = (0...random.below(5)).map { _ in RedisSamples.push(&random) }
                return (pushes.map(\.meaning), pushes.flatMap { RedisSamples.encoded($0.value) })
            }
        ) { meaning, input, random in
            let whole = try RedisSamples.pushes(in: [input])
            let cut = try RedisSamples.pushes(in: random.pieces(of: input))
            guard whole.texts == cut.texts, whole.failed == cut.failed else { return .wrong("\(whole) and cut \(cut)") }
            if let meaning, whole.failed || whole.texts != meaning { return .wrong("\(whole) and not \(meaning)") }
            return whole.failed ? .refused : .accepted
        }
    }

    /// What Redis may hold in a channel's keys, and where viewers may say they were: a page of history for everything,
    /// and a stream for every viewer.
    @Test func histories() {
        let offsets = [
            "0", "1", "2", "17", "1000000017", "9007199254740991", "9007199254740992", "18446744073709551615", "x", "",
        ]
        fuzz(
            "histories", tokens: offsets + [".", "-", "a", "k3f9"],
            make: { random in ((), Array("\(random.one(of: offsets)).\(random.one(of: ["k3f9", "a", "0", ""]))".utf8)) }
        ) { _, input, random in
            func offset() -> String { random.one(of: offsets) }
            func bytes(_ text: String) -> RESPValue { .bytes(Array(text.utf8)) }
            let channel = try #require(Channel.video("v"))
            let ids = (0..<random.below(4)).map { _ in
                random.below(3) == 0 ? UInt64(offset()) ?? 5 : UInt64(random.below(30))
            }
            let entries = Set(ids).sorted().map { id -> RESPValue in
                let marks = random.below(3) == 0 ? ["a", offset(), "l", offset()] : []
                return .array([bytes("\(id)-0"), .array((["p", "data: x\n\n"] + marks).map(bytes))])
            }
            let stored =
                random.below(4) == 0 ? RESPValue.null : bytes("\(offset()).\(random.one(of: ["k3f9", "a"])).run")
            let said = Position(parsing: String(decoding: input, as: UTF8.self))
            let query = HistoryQuery(
                channel: channel, after: said?.offset ?? 0, through: nil, limit: 1 + random.below(3))
            let page = try query.page(from: [.array([stored, .array(entries), .array(Array(entries.prefix(1)))])])

            let start = StreamStart.after(String(decoding: input, as: UTF8.self))
            let newest = page.position ?? .beginning
            guard let position = start.resolved(newest: newest).recoversAfter else { return .refused }
            var sequencer = Sequencer(at: position)
            sequencer.interrupted()
            _ = sequencer.repaired(with: page)
            let viewer = Recovery(id: 1, channel: channel, loop: 0, position: position, attachedAt: newest)
            var group = RecoveryGroup(channel, [viewer], number: 0)
            var reads = 0
            while group.offset != nil, reads < 2 * HistoryScan.pagesMax {
                reads += 1
                if !group.received(page).isEmpty { return .accepted }
            }
            return .wrong("the viewer was served by none of \(reads) pages")
        }
    }

    /// Entries of a change stream, and the sizes beside it: whoever wrote them, they are read or refused.
    @Test func changes() {
        let tokens = ["=", "+", "/", "\n", "=p1", "+\n", "/\n", "ü", "9223372036854775807", "-1", "0", ":", "c", ""]
        fuzz(
            "changes", tokens: tokens,
            make: { random in
                let users = (0..<random.below(5)).map { "u\($0)" }
                return (users.count, Array((["=p1", "+"] + users).joined(separator: "\n").utf8))
            }
        ) { meaning, input, random in
            let numbers = [meaning.map { "\($0)" } ?? random.one(of: tokens + ["1", "2", "3"])]
            let first = meaning == nil ? random.one(of: ["9223372036854775807", "9223372036854775806", "x", "7"]) : "7"
            let at = meaning == nil ? random.one(of: ["9223372036854775807", "1", "-1"]) : "1"
            let fields = [("n", numbers[0]), ("v", first), ("t", at), ("c", String(decoding: input, as: UTF8.self))]
            let entry = ChangeEntry(
                StreamEntry(id: "1-0", fields: fields.map { StreamEntry.Field(name: $0.0, value: $0.1) }))
            if let meaning, entry.changes.count != meaning { return .wrong("\(entry)") }
            return entry.changes.isEmpty ? .refused : .accepted
        }
    }

    @Test func partitionSizes() {
        fuzz(
            "partitionSizes", tokens: [":", "c", "9", "-", "+", "999999999999999999", "9223372036854775807", " "],
            make: { random in
                let state = PartitionState(
                    size: Int64(random.below(1 << 30)), version: Int64(random.below(1 << 43)),
                    isSizeOnly: random.below(2) == 0)
                return (state, Array("\(state.size):\(state.version)\(state.isSizeOnly ? "c" : "")".utf8))
            }
        ) { meaning, input, _ in
            let state = PartitionState(bytes: input)
            if let meaning, state != meaning { return .wrong("\(state as Any)") }
            // All partitions of a photo, as many as there may be.
            _ = PhotoTotal(summing: Array(repeating: state, count: 1024))
            return state == nil ? .refused : .accepted
        }
    }
}

private enum RedisSamples {
    static func value(_ random: inout Xoshiro256, depth: Int) -> RESPValue {
        switch random.below(depth > 4 ? 6 : 8) {
        case 0: return .null
        case 1: return .integer(random.one(of: [0, 1, -1, .max, .min, 42]))
        case 2: return .status(random.one(of: ["OK", "QUEUED", ""]))
        case 3: return .failure(RedisError(serverText: random.one(of: ["WRONGTYPE no", "ERR", "LOADING a b"])))
        case 4, 5:
            let length = random.below(8) == 0 ? random.below(10_000) : random.below(12)
            return .bytes((0..<length).map { _ in UInt8(random.below(256)) })
        default: return .array((0..<random.below(4)).map { _ in value(&random, depth: depth + 1) })
        }
    }

    static func encoded(_ value: RESPValue) -> [UInt8] {
        switch value {
        case .null: Array("$-1\r\n".utf8)
        case .integer(let number): Array(":\(number)\r\n".utf8)
        case .status(let text): Array("+\(text)\r\n".utf8)
        case .failure(let error): Array("-\(error.code.name.isEmpty ? "" : text(of: error))\r\n".utf8)
        case .bytes(let bytes): Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
        case .array(let values): Array("*\(values.count)\r\n".utf8) + values.flatMap { encoded($0) }
        }
    }

    private static func text(of error: RedisError) -> String {
        if case .reply(let code) = error.code { error.message.isEmpty ? code : "\(code) \(error.message)" } else { "" }
    }

    static func values(in pieces: [[UInt8]]) throws -> (values: [RESPValue], failed: Bool) {
        let builder = ValueBuilder()
        let reader = try ReplyReader(builder: builder)
        var values: [RESPValue] = []
        let failed = feed(reader, pieces) { if let value = builder.take() { values.append(value) } }
        return (values, failed)
    }

    /// Whether the bytes are no RESP.
    private static func feed(_ reader: ReplyReader, _ pieces: [[UInt8]], replied: () -> Void) -> Bool {
        for piece in pieces {
            do { try piece.withUnsafeBytes { try reader.feed($0, replied: replied) } } catch { return true }
        }
        return false
    }

    // MARK: Pushes

    static func push(_ random: inout Xoshiro256) -> (value: RESPValue, meaning: String) {
        func bytes(_ text: String) -> RESPValue { .bytes(Array(text.utf8)) }
        let channel = random.one(of: ["video:v1", "photo:p", "x", ""])
        switch random.below(7) {
        case 0: return (.array([bytes("subscribe"), bytes(channel), .integer(1)]), "subscribed \(channel)")
        case 1: return (.array([bytes("unsubscribe"), bytes(channel), .integer(0)]), "unsubscribed \(channel)")
        case 2: return (.array([bytes("pong"), bytes("")]), "pong")
        case 3: return (.status("PONG"), "pong")
        case 4: return (.status("OK"), "answered")
        default:
            let payload = random.one(of: ["id: 1.a\ndata: {}\n\n", "", "\r\n", "message"])
            return (.array([bytes("message"), bytes(channel), bytes(payload)]), "message \(channel) \(payload)")
        }
    }

    static func pushes(in pieces: [[UInt8]]) throws -> (texts: [String], failed: Bool) {
        let builder = PushBuilder()
        let reader = try ReplyReader(builder: builder)
        var segments: [PushBuilder.Segment] = []
        var failed = false
        for piece in pieces where !failed {
            failed = feed(reader, [piece]) {}
            segments += builder.take()
        }
        let texts = segments.flatMap { segment -> [String] in
            switch segment {
            case .messages(let messages):
                messages.map { "message \($0.channel) \(String(decoding: $0.payload, as: UTF8.self))" }
            case .subscribed(let channels): channels.map { "subscribed \($0)" }
            case .unsubscribed(let channels): channels.map { "unsubscribed \($0)" }
            case .answered: ["answered"]
            case .pong: ["pong"]
            case .refused(let error): ["refused \(error.code.name)"]
            }
        }
        return (texts, failed)
    }
}
