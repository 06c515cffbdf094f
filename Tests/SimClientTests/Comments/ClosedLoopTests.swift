import Audience
import Testing

@testable import SimClient

@Suite struct ClosedLoopTests {
    private func makeLoop(channels: Int = 2, window: Int = 2) throws -> ClosedLoop {
        ClosedLoop(audience: try Audience(.uniform, channels: channels, viewers: 2, seed: 1), window: window)
    }

    private func channels(_ loop: inout ClosedLoop) -> [Int] {
        var channels: [Int] = []
        while let draft = loop.next() { channels.append(draft.channel) }
        return channels
    }

    @Test func eachChannelHasItsWindow() throws {
        var loop = try makeLoop()
        #expect(loop.next() == nil)
        loop.begin()
        loop.begin()
        #expect(channels(&loop) == [0, 1, 0, 1])
        loop.completed([1, 1, 0])
        #expect(channels(&loop) == [1, 1, 0])
    }

    @Test func aRefusedCommentWaitsForTheNextRetry() throws {
        var loop = try makeLoop(window: 1)
        loop.begin()
        _ = channels(&loop)
        loop.failed(1)
        #expect(loop.next() == nil)
        loop.retry()
        #expect(channels(&loop) == [1])
    }

    @Test func nothingIsWrittenAfterTheEnd() throws {
        var loop = try makeLoop()
        loop.begin()
        loop.failed(0)
        loop.end()
        loop.retry()
        loop.completed([0])
        #expect(loop.next() == nil)
    }

    @Test func aChannelWithoutViewersGetsNoComments() throws {
        var loop = try makeLoop(channels: 5, window: 1)
        loop.begin()
        #expect(channels(&loop).count == 2)
    }

    @Test func viewersTakeTurnsAndBelongToTheChannel() throws {
        var loop = ClosedLoop(audience: try Audience(.uniform, channels: 2, viewers: 6, seed: 1), window: 3)
        loop.begin()
        var writers: [Int: Set<String>] = [:]
        while let draft = loop.next() { writers[draft.channel, default: []].insert(draft.userid) }
        #expect(writers[0]?.isSubset(of: ["user1", "user2", "user3"]) == true)
        #expect(writers[1]?.isSubset(of: ["user4", "user5", "user6"]) == true)
        #expect(writers[0]?.count ?? 0 > 1)
    }
}
