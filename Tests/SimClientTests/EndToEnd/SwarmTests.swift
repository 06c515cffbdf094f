import ArgumentParser
import Audience
import Foundation
import Placement
import Primitives
import SocketLoop
import Testing
import Wire

@testable import SimClient

/// What a swarm did: the crowd's side and the publisher's.
struct Played {
    var tally: ViewerTally
    var crowd: CommentFeed.Outcome
    var published: PublishTally
}

/// Plays a short run against a service, without the command line around it.
func play(
    _ url: String, commentAPI: String? = nil, streams: Int = 4, viewers: Int = 60, rate: Double = 200,
    seconds: Double = 0.5,
    slowShare: Double = 0, lateNanoseconds: UInt64 = 0, more: [String] = []
) async throws -> Played {
    let settings = try SwarmCommand.parse(
        [
            "--readers", url, "--comment-api", commentAPI ?? url, "--streams", "\(streams)", "--viewers", "\(viewers)",
            "--audience",
            "uniform", "--rate", "\(rate)", "--duration", "\(seconds)", "--slow-share", "\(slowShare)",
            "--connects-in-progress", "8",
        ] + more)
    let stage = try SwarmStage(settings)
    stage.start()
    let connected = try await Polling.until(atMost: .seconds(20)) { stage.viewersSeen.value.unsettled == 0 }
    #expect(connected)
    #expect(try await stage.waitForConnections())
    let moving = Task { if !settings.moves.isNone { await stage.moveViewers(stage.settings.moves) } }
    let seconds = more.contains("--duration") ? settings.duration : seconds
    if settings.window > 0 {
        await stage.publishInClosedLoop(seconds: seconds)
    } else {
        let scheduler = OpenLoopScheduler(
            audience: stage.audience, arrivals: CommentArrivals(stage.audience, rate: settings.writtenPerSecond))
        #expect(
            await scheduler.run(seconds: seconds) { drafts in
                stage.publish(
                    drafts.map { draft in
                        var draft = draft
                        draft.due = draft.due.map { $0 - lateNanoseconds }
                        return draft
                    })
            } == 0)
    }
    moving.cancel()
    await moving.value
    let published = try await stage.finalTally()
    try await stage.settle(published.written(stage.audience), seconds: 3)
    let outcome = try await stage.outcome()
    await stage.stop()
    return Played(tally: outcome.tally, crowd: outcome.found, published: published)
}

/// The same against a service with `faults`.
func play(
    _ faults: FakeService.Faults, streams: Int = 4, viewers: Int = 60, rate: Double = 200, slowShare: Double = 0,
    more: [String] = []
) async throws -> Played {
    try await withService(faults) {
        try await play($0.url, streams: streams, viewers: viewers, rate: rate, slowShare: slowShare, more: more)
    }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct SwarmTests {
    @Test func everyViewerGetsEveryComment() async throws {
        try await withService { service in
            let played = try await play(service.url)
            let (counts, published) = (played.crowd.counts, played.published)
            #expect(played.crowd.counts.isClean)
            #expect(played.tally.connectedOnce == 60)
            #expect((1...8).contains(played.tally.connectingMost))
            #expect(published.acknowledged > 20)
            #expect(published.acknowledged == published.offered)
            #expect(counts.delivered == published.acknowledged * 15)
            #expect(counts.delivered == counts.expected)
            #expect(Int(played.crowd.latency.count) == counts.delivered)
        }
    }

    /// What a generator that falls behind hides: the time between when a comment was due and when it was sent.
    @Test func latencyCountsFromWhenACommentWasDueToo() async throws {
        try await withService { service in
            let crowd = try await play(service.url, lateNanoseconds: 2_000_000_000).crowd
            #expect(Int(crowd.latencyFromDue.count) == crowd.counts.delivered && crowd.counts.delivered > 0)
            #expect(try #require(crowd.latencyFromDue.microseconds(atPercentile: 1)) >= 1_990_000)
            #expect(try #require(crowd.latency.microseconds(atPercentile: 50)) < 1_000_000)
        }
    }

    @Test func writesCutIntoSmallPortionsChangeNothing() async throws {
        let played = try await play(.init(portionBytes: 7))
        #expect(played.crowd.counts.isClean)
        #expect(played.crowd.counts.delivered == played.published.acknowledged * 15)
    }

    @Test func aLostCommentIsFound() async throws {
        let played = try await play(.init(lostOffset: 2))
        #expect(played.crowd.counts.lost > 0)
        #expect(!played.crowd.counts.isClean)
        #expect(played.crowd.counts.lost + played.crowd.counts.delivered == played.published.acknowledged * 15)
    }

    @Test func aRepeatedCommentIsFound() async throws {
        let played = try await play(.init(repeatedOffset: 2))
        #expect(played.crowd.counts.repeated > 0)
        #expect(played.crowd.counts.lost == 0)
    }

    @Test(arguments: [true, false]) func anAlteredCommentIsFound(forAll: Bool) async throws {
        // One viewer on a channel has nobody to be compared with; what was written decides.
        for streams in forAll ? [4, 60] : [4] {
            let played = try await play(.init(alteredOffset: 2, altersForAll: forAll), streams: streams)
            #expect(played.crowd.counts.altered > 0, "\(streams) streams")
            #expect(!played.crowd.counts.isClean)
        }
    }

    @Test func aCommentThatNobodyWroteIsFound() async throws {
        let played = try await play(.init(foreignOffset: 2))
        #expect(played.crowd.counts.foreign == 4)
        #expect(!played.crowd.counts.isClean)
    }

    /// The audience gets everything in order; only the writer was told another place.
    @Test func anAnswerThatNamesTheWrongPlaceIsFound() async throws {
        let played = try await play(.init(misplacedOffset: 2))
        #expect(played.crowd.counts.altered + played.crowd.counts.foreign > 0)
        #expect(!played.crowd.counts.isClean)
    }

    @Test func cutViewersResumeAndMissNothing() async throws {
        try await withService(.init(cutAt: 3)) { service in
            let played = try await play(service.url)
            #expect(played.crowd.counts.isClean)
            #expect(played.crowd.counts.reconnects == 60)
            #expect(service.seen.value.withLock { $0.resumes } == 60)
            #expect(played.crowd.counts.delivered == played.published.acknowledged * 15)
        }
    }

    @Test func viewersGoWhenTheyAreAskedTo() async throws {
        let played = try await play(.init(reconnectAt: 3))
        #expect(played.crowd.counts.isClean)
        #expect(played.crowd.counts.reconnects == 60)
    }

    @Test func refusedAndRedirectedViewersArriveAllTheSame() async throws {
        try await withService { target in
            try await withService(.init(refusals: 10, redirects: 25, redirectTo: target.url)) { service in
                let played = try await play(service.url, rate: 0)
                #expect(played.tally.connectedOnce == 60)
                #expect(played.tally.refusals == 10)
                #expect(played.tally.redirects == 25)
                #expect(target.seen.value.withLock { $0.connects } == 25)
                #expect(target.seen.value.withLock { $0.hops } == 25)
                #expect(service.seen.value.withLock { $0.hops } == 0)
            }
        }
    }

    @Test func slowViewersAreNotAudited() async throws {
        let played = try await play(.init(), slowShare: 1)
        #expect(played.tally.connectedOnce == 60)
        #expect(played.crowd.counts.joined == 0)
        #expect(played.crowd.counts.isClean)
        // All that a viewer who never reads was sent before it stopped: the head and one frame.
        #expect(played.tally.bytesReceived < 60 * 300)
    }

    @Test func refusedCommentsAreCounted() async throws {
        let played = try await play(.init(commentStatus: 503))
        #expect(played.published.refused == played.published.started)
        #expect(played.published.started > 0)
        #expect(played.crowd.counts.delivered == 0)
    }

    @Test func arrivalsThatCannotStartAreDroppedNotHidden() async throws {
        let servers = try ServerDirectory(resolving: [try #require(Endpoint("http://127.0.0.1:9"))])
        let shared = Locked(Sender<CommentSource>.Seen(source: PublishTally()))
        let loop = try SocketLoop(settings: .init(name: "publisher")) {
            Sender(CommentSource(), to: servers, connections: 2, shared: shared)
        }
        loop.start()
        let drafts = Array(repeating: Draft(channel: 0, userid: "u", videoid: "v"), count: 5)
        loop.call { sender, sockets in
            sender.open(sockets)
            sender.source.publish(drafts)
        }
        #expect(try await Polling.until(atMost: .seconds(10)) { shared.value.source.offered == 5 })
        #expect(shared.value.source.dropped == 5)
        #expect(shared.value.source.started == 0)
        await loop.stop()
    }
}
