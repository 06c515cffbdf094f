import Audience
import Primitives
import SocketLoop
import Testing
import Wire

@testable import SimClient

/// What the benchmark needs beside the load of our own services.
@Suite(.serialized, .timeLimit(.minutes(1))) struct GeneratorTests {
    @Test func aPlainStreamIsAuditedByItsTexts() async throws {
        let played = try await play(.init(isPlain: true), more: ["--protocol", "plain"])
        #expect(played.crowd.counts.isClean)
        #expect(played.tally.connectedOnce == 60)
        #expect(played.published.acknowledged > 20)
        #expect(played.published.acknowledged == played.published.offered)
        #expect(played.crowd.counts.delivered == played.published.acknowledged * 15)
        #expect(played.crowd.counts.expected == played.crowd.counts.delivered)
        #expect(Int(played.crowd.latency.count) == played.crowd.counts.delivered)
        #expect(played.crowd.counts.foreign == 0)
    }

    @Test func whatAPlainStreamLosesOrRepeatsIsFound() async throws {
        let played = try await play(
            .init(lostOffset: 2, repeatedOffset: 3, isPlain: true), more: ["--protocol", "plain"])
        #expect(played.crowd.counts.lost > 0)
        #expect(played.crowd.counts.repeated == played.crowd.counts.lost)
        #expect(played.crowd.counts.lost + played.crowd.counts.delivered == played.published.acknowledged * 15)
        #expect(played.crowd.counts.unreached == 0)
    }

    @Test(arguments: ["chorus", "plain"])
    func aClosedLoopWritesTheNextWhenAllHaveTheLast(streamProtocol: String) async throws {
        let played = try await play(
            .init(isPlain: streamProtocol == "plain"), rate: 0, more: ["--window", "2", "--protocol", streamProtocol])
        #expect(played.crowd.counts.isClean)
        // More than the first window of each of the 4 channels.
        #expect(played.published.acknowledged > 40)
        #expect(played.published.dropped == 0)
        #expect(played.crowd.counts.delivered == played.published.acknowledged * 15)
    }

    @Test func aClosedLoopStandsStillWhenAViewerLacksAComment() async throws {
        let played = try await play(.init(lostOffset: 1), streams: 1, viewers: 10, rate: 0, more: ["--window", "3"])
        #expect(played.published.acknowledged == 3)
    }

    @Test func refusedCommentsComeAgainAfterAPause() async throws {
        let played = try await play(
            .init(commentStatus: 503), streams: 2, viewers: 10, rate: 0, more: ["--window", "1"])
        // Two channels, ten times a second at most, for half a second.
        #expect((4...14).contains(played.published.refused))
    }

    @Test func aListenerAuditsWhatOthersWrite() async throws {
        try await withService { service in
            let url = service.url
            async let listening = play(url, seconds: 1.5, more: ["--publish", "none"])
            while service.seen.value.withLock({ $0.connects }) < 60 { try await Task.sleep(for: .milliseconds(5)) }
            let writing = try await play(url, seconds: 0.3)
            let heard = try await listening
            #expect(heard.published.offered == 0)
            #expect(heard.crowd.counts.isClean)
            #expect(heard.crowd.counts.delivered == writing.published.acknowledged * 15)
        }
    }

    @Test func prefixesKeepSwarmsApart() async throws {
        try await withService { service in
            let url = service.url
            async let one = play(url, more: ["--channel-prefix", "hot-"])
            let other = try await play(url, more: ["--channel-prefix", "cold-"])
            for played in [try await one, other] {
                #expect(played.crowd.counts.isClean)
                #expect(played.crowd.counts.delivered == played.published.acknowledged * 15)
            }
        }
    }
}
