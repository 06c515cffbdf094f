import ArgumentParser
import Primitives
import Report
import Testing
import Wire

@testable import SimClient

private final class Lines: Sendable {
    private let value = Mutex<[String]>([])
    var all: [String] { value.withLock { $0 } }
    @Sendable func add(_ line: String) { value.withLock { $0.append(line) } }
}

@Suite struct WatchFeedTests {
    private func receive(_ feed: inout WatchFeed, _ bytes: [UInt8]) throws -> FeedSignal {
        try bytes.withUnsafeBytes { try feed.received($0, 0, at: FeedTimes(microseconds: 0, nanoseconds: 0)) }
    }

    @Test func tellsWhatHappens() throws {
        let lines = Lines()
        var feed = WatchFeed(userid: "u", videoid: "v", say: lines.add)
        let stream =
            makeConnected(at: Position(offset: 4, epoch: "a")) + makeFrame(5, epoch: "a")
            + makeEvent("likes", #"{"count":3}"#)
            + makeEvent("gap", #"{"from":6,"to":8}"#, id: Position(offset: 8, epoch: "a"))
        let signal = try receive(&feed, stream)
        #expect(signal.isConnected && !signal.sentAway.isAsked)
        #expect(lines.all.count == 4)
        #expect(lines.all[0] == "-- connected to r1 at 4.a")
        #expect(lines.all[1].contains("[5.a] u: 0.5 "))
        #expect(lines.all[2] == #"-- likes: {"count":3}"#)
        #expect(lines.all[3] == "-- comments 6 to 8 could not be recovered")
        #expect(feed.snapshot(away: 0).consumed == 1)
    }

    @Test func keepsItsPlaceOverConnections() throws {
        var feed = WatchFeed(userid: "u", videoid: "v", say: Lines().add)
        let endpoint = try #require(Endpoint("http://h:1"))
        _ = try receive(&feed, makeConnected(at: Position(offset: 4, epoch: "a")))
        let signal = try receive(&feed, makeEvent("reconnect", "{}", retryMilliseconds: 70))
        #expect(signal.sentAway.isAsked && signal.sentAway.milliseconds == 70)
        let request = String(decoding: feed.connect(0, to: endpoint, target: nil, avoiding: nil), as: UTF8.self)
        #expect(request.contains("Last-Event-ID: 4.a\r\n"))
    }

    @Test func aCommentCannotReachTheTerminal() throws {
        let lines = Lines()
        var feed = WatchFeed(userid: "u", videoid: "v", say: lines.add)
        let data = #"{"userid":"u","comment":"a\u001b[31mred\r\nnext","timestamp":"t"}"#
        _ = try receive(&feed, EventStream.frame(data: Array(data.utf8), id: Position(offset: 1, epoch: "a")))
        #expect(lines.all == ["t [1.a] u: a\u{FFFD}[31mred\u{FFFD}\u{FFFD}next"])
    }
}

@Suite struct WatchRunTests {
    @Test(.timeLimit(.minutes(1))) func writesAndSeesItsOwnComments() async throws {
        try await withService { service in
            let settings = try WatchCommand.parse([
                "--user", "user1", "--video", "video1", "--readers", service.url, "--comment-api", service.url,
                "--stats-api", service.url, "--interval", "0.4", "--count", "3",
            ])
            let lines = Lines()
            let status = await WatchRun(settings, say: lines.add).run()
            #expect(status == .fine)
            let comments = lines.all.filter { $0.contains("user1: Comment ") }
            #expect(comments.count == 3)
            #expect(service.seen.value.withLock { $0.reports.count } >= 1)
        }
    }

    @Test(.timeLimit(.minutes(1))) func endsWhenItIsCancelled() async throws {
        try await withService { service in
            let settings = try WatchCommand.parse([
                "--user", "user1", "--video", "video1", "--readers", service.url, "--comment-api", service.url,
                "--interval", "60",
            ])
            let run = Task { await WatchRun(settings) { _ in }.run() }
            while service.seen.value.withLock({ $0.connects }) == 0 { try await Task.sleep(for: .milliseconds(5)) }
            run.cancel()
            #expect(await run.value == .interrupted)
        }
    }
}
