import Placement
import RedisNIO
import ServiceRuntime
import Testing

@testable import ReaderAPI
@testable import ReaderPlacement

@Suite struct RegistryCallTests {
    let call = RegistryCall(id: "reader-1", session: "abc")

    func entry(_ json: String) -> RESPValue { .bytes(Array("1700000000000 abc \(json)".utf8)) }

    static let valid = #"{"url":"http://a","connections":1,"capacity":5,"draining":false,"full":[]}"#

    func reply(_ entries: [(String, RESPValue)], holder: String = "") -> RESPValue {
        let head = [RESPValue.bytes(Array(holder.utf8)), .bytes(Array("1700000000123".utf8))]
        return .array(head + entries.flatMap { [.bytes(Array($0.utf8)), $1] })
    }

    @Test func whatIsWrittenIsRead() throws {
        let own = ReaderAnnouncement(
            url: "http://127.0.0.1:4000", connections: 7, capacity: 100, draining: true, full: ["video:v1"])
        let arguments = try call.arguments(own, lifetime: .milliseconds(2_500))
        #expect(arguments[2] == Array("2500".utf8))
        let stored = entry(String(decoding: arguments[3], as: UTF8.self))
        #expect(try call.snapshot(from: reply([("reader-1", stored)])).readers == ["reader-1": own])
    }

    @Test(arguments: [
        "", "{}", "null", "[1]", "garbage", #"{"connections":-1,"capacity":5,"draining":false,"full":[]}"#,
        #"{"connections":"many","capacity":5,"draining":false,"full":[]}"#,
    ])
    func garbageIsCountedAndIgnored(_ json: String) throws {
        let snapshot = try call.snapshot(from: reply([("bad", entry(json)), ("good", entry(Self.valid))]))
        #expect(snapshot.garbage == 1)
        #expect(Array(snapshot.readers.keys) == ["good"])
    }

    @Test func fieldsAndHeadsThatAreNoneAreGarbageToo() throws {
        let snapshot = try call.snapshot(
            from: reply([
                ("no name!", entry(Self.valid)), ("r1", .bytes(Array(Self.valid.utf8))), ("r2", .integer(5)),
                ("r3", .bytes([0xFF, 0x20, 0x20])),
            ]))
        #expect(snapshot.garbage == 4 && snapshot.readers.isEmpty)
        #expect(throws: RegistryCall.UnknownForm.self) { try call.snapshot(from: .integer(1)) }
        let timeless = RESPValue.array([.bytes([]), .bytes(Array("soon".utf8))])
        #expect(throws: RegistryCall.UnknownForm.self) { try call.snapshot(from: timeless) }
    }

    @Test func readersBeyondTheLimitAreNotKept() throws {
        let snapshot = try call.snapshot(from: reply((0..<1_030).map { ("r\($0)", entry(Self.valid)) }))
        #expect(snapshot.readers.count == RegistryCall.readersMax && snapshot.garbage == 6)
    }

    /// A header is made of it.
    @Test(arguments: [
        #""http://a\r\nX: y""#, #""ftp://a""#, #""http://a b""#, #""http://""#, "null",
        #""http://user:secret@a""#,
    ])
    func withoutAUsableAddressNobodyIsSentThere(_ url: String) throws {
        let stored = entry(#"{"url":\#(url),"connections":1,"capacity":5,"draining":false,"full":[]}"#)
        let snapshot = try call.snapshot(from: reply([("r1", stored)]))
        #expect(snapshot.readers["r1"] != nil)
        #expect(snapshot.views.isEmpty)
    }

    /// Viewers, other Readers and StatsAPI are told this address.
    @Test(arguments: ["http://user:secret@reader-1:4000", "http://user@reader-1", "http://:secret@reader-1"])
    func aPublicAddressHasNoCredentials(_ url: String) throws {
        let error = #expect(throws: ConfigurationError.self) {
            _ = try ReaderSettings.read(environment: ["READER_PUBLIC_URL": url])
        }
        let text = try #require(error).description
        #expect(text.contains("READER_PUBLIC_URL") && text.contains("without user and password"))
        #expect(!text.contains("secret"))
    }

    @Test func aReaderWithAllItsConnectionsTakesNoMore() {
        let full = ReaderAnnouncement(url: "http://a", connections: 5, capacity: 5, draining: false, full: [])
        #expect(full.view(id: "r1").isDraining)
    }

    @Test func onlyAHolderThatLivesIsAConflict() {
        var conflict = IdentityConflict()
        // The entry that a dead Reader left.
        #expect(["old 100", "old 100", nil].map { conflict.seen(holder: $0) } == [.none, .none, .none])
        #expect(!conflict.isActive)
        // One that renews it.
        #expect(["other 100", "other 200", "other 300"].map { conflict.seen(holder: $0) } == [.none, .began, .none])
        #expect(conflict.isActive && conflict.seen(holder: nil) == .ended)
    }
}

@Suite struct RegistryScheduleTests {
    func until(_ milliseconds: Int, elapsed: Duration = .zero, every interval: Duration = .seconds(1)) -> Duration {
        RegistrySchedule.untilMoment(serverMilliseconds: milliseconds, elapsed: elapsed, interval: interval)
    }

    @Test func momentsAreTheMultiplesOfTheIntervalOnTheServersClock() {
        #expect(until(1_700_000_000_250) == .milliseconds(750))
        #expect(until(1_700_000_000_250, elapsed: .milliseconds(700)) == .milliseconds(50))
        #expect(until(1_700_000_000_250, elapsed: .milliseconds(800)) == .milliseconds(950))
        #expect(until(1_700_000_000_250, every: .milliseconds(200)) == .milliseconds(150))
    }

    /// At the moment itself the next one is meant: a loop that waits for nothing would never end.
    @Test func neverNow() {
        #expect(until(1_700_000_000_000) == .seconds(1) && until(0, elapsed: .seconds(3)) == .seconds(1))
        #expect(until(.max) > .zero)
        #expect(until(.max) <= .seconds(1))
    }
}
