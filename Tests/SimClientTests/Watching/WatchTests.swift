import Primitives
import Testing
import Wire

@testable import SimClient

@Suite struct WatchViewerTests {
    private func feed(_ viewer: inout WatchViewer, _ bytes: [UInt8]) -> (
        notes: [WatchViewer.Note], step: ViewerMachine.Step
    ) {
        bytes.withUnsafeBytes { viewer.received($0, draw: 0.5) }
    }

    @Test func tellsWhatHappens() {
        var viewer = WatchViewer()
        viewer.begin()
        let stream =
            makeConnected(at: Position(offset: 4, epoch: "a")) + makeFrame(5, epoch: "a")
            + makeEvent("likes", #"{"count":3}"#)
            + makeEvent("gap", #"{"from":6,"to":8}"#, id: Position(offset: 8, epoch: "a"))
        let (notes, step) = feed(&viewer, responseHead + chunk(stream))
        #expect(step == .stay)
        #expect(notes.count == 4)
        #expect(notes[0] == .connected(instance: "r1", position: "4.a"))
        guard case .comment(let userid, _, _, let position) = notes[1] else { return #expect(Bool(false)) }
        #expect((userid, position) == ("u", "5.a"))
        #expect(notes[2] == .event(name: "likes", data: #"{"count":3}"#))
        #expect(notes[3] == .gap(from: 6, to: 8, position: "8.a"))
        #expect(viewer.lastEventID == "8.a")
    }

    @Test func keepsItsPlaceOverConnections() {
        var viewer = WatchViewer()
        viewer.begin()
        _ = feed(&viewer, responseHead + chunk(makeConnected(at: Position(offset: 4, epoch: "a"))))
        let (notes, step) = feed(&viewer, chunk(makeEvent("reconnect", "{}", retryMilliseconds: 70)))
        #expect(notes == [.sentAway])
        #expect(step == .wait(milliseconds: 70))
        let isRested = viewer.rested()
        #expect(isRested)
        viewer.begin()
        #expect(viewer.lastEventID == "4.a")
    }

    @Test func aCommentCannotReachTheTerminal() {
        let line = WatchLine.text(
            .comment(userid: "u", text: "a\u{1B}[31mred\r\nnext", timestamp: "t", position: "1.a"))
        #expect(line == "t [1.a] u: a\u{FFFD}[31mred\u{FFFD}\u{FFFD}next")
    }
}

@Suite struct WatchRunTests {
    private final class Lines: Sendable {
        let value = Mutex<[String]>([])
    }

    @Test(.timeLimit(.minutes(1))) func writesAndSeesItsOwnComments() async throws {
        try await withService { service in
            let endpoint = try #require(Endpoint(service.url))
            let settings = WatchSettings(
                userid: "user1", videoid: "video1", readers: [endpoint], commentAPIs: [endpoint],
                statistics: [endpoint], intervalSeconds: 0.4, count: 3)
            let lines = Lines()
            let status = await WatchRun(settings) { line in lines.value.withLock { $0.append(line) } }.run()
            #expect(status == ExitStatus.fine)
            let comments = lines.value.withLock { $0.filter { $0.contains("user1: Comment ") } }
            #expect(comments.count == 3)
            #expect(service.seen.value.withLock { $0.reports.count } >= 1)
        }
    }

    @Test(.timeLimit(.minutes(1))) func endsWhenItIsCancelled() async throws {
        try await withService { service in
            let endpoint = try #require(Endpoint(service.url))
            let settings = WatchSettings(
                userid: "user1", videoid: "video1", readers: [endpoint], commentAPIs: [endpoint], statistics: [],
                intervalSeconds: 60, count: nil)
            let run = Task { await WatchRun(settings) { _ in }.run() }
            while service.seen.value.withLock({ $0.connects }) == 0 { try await Task.sleep(for: .milliseconds(5)) }
            run.cancel()
            #expect(await run.value == ExitStatus.interrupted)
        }
    }
}
