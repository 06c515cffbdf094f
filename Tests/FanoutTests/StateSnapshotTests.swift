import Broker
import SocketLoop
import Testing
import Wire

@testable import Fanout

@Suite struct StateSnapshotTests {
    private let photo: Channel
    private let video: Channel

    init() throws {
        photo = try #require(Channel.photo("p"))
        video = try #require(Channel.video("v"))
    }

    private func frame(_ count: Int, _ name: String = "likes") -> Frame {
        Frame(Array("event: \(name)\ndata: {\"count\":\(count)}\n\n".utf8), kind: .state)
    }

    private func message(_ count: Int) -> BrokerMessage {
        BrokerMessage(channel: photo, position: nil, frame: frame(count).bytes)
    }

    private func makeRegistry(_ channel: Channel, kinds: Set<Channel.Kind> = [.photo]) -> ChannelRegistry<Int> {
        var registry = ChannelRegistry<Int>(settings: .init(loops: 2, stateKinds: kinds))
        registry.isConnected = true
        registry.join([channel], waiter: 1, now: 0)
        registry.subscribed(channel)
        for case .readPosition(let query) in registry.takeActions() {
            registry.positioned(query, at: nil) { _, _ in true }
        }
        _ = registry.takeActions()
        return registry
    }

    /// The states that a viewer gets as it is attached, and what is read then.
    private func attach(_ channel: Channel, to registry: inout ChannelRegistry<Int>) -> ([Frame], isRead: Bool) {
        #expect(registry.attach([channel], descriptor: 0, from: .now, hello: [], retryMilliseconds: 1) == true)
        let actions = registry.takeActions()
        guard case .attach(let attachment, _)? = actions.last(where: { $0 != .readStates(channel) }) else {
            return ([], false)
        }
        return (attachment.states.map(\.frame), actions.contains(.readStates(channel)))
    }

    private func received(_ registry: inout ChannelRegistry<Int>, _ message: BrokerMessage) {
        _ = registry.received([message]) { _, _ in true }
    }

    private func delivered(_ actions: [ChannelRegistry<Int>.Action]) -> [[Frame]] {
        var byLoop: [[Frame]] = [[], []]
        for case .deliver(let frames, _, let loop) in actions { byLoop[loop] += frames.map(\.frame) }
        return byLoop
    }

    @Test func theStatesAreReadForTheFirstViewerAndOthersGetThemAtOnce() {
        var registry = makeRegistry(photo)
        #expect(attach(photo, to: &registry) == ([], isRead: true))
        registry.snapshot([photo: frame(7).bytes])
        #expect(delivered(registry.takeActions()) == [[frame(7)], []])
        #expect(attach(photo, to: &registry) == ([frame(7)], isRead: false))
    }

    @Test func anEventThatCameFirstIsNotReplacedByASnapshot() {
        var registry = makeRegistry(photo)
        _ = attach(photo, to: &registry)
        received(&registry, message(8))
        #expect(delivered(registry.takeActions()) == [[frame(8)], []])
        registry.snapshot([photo: frame(7).bytes])
        #expect(delivered(registry.takeActions()) == [[], []])
        #expect(attach(photo, to: &registry) == ([frame(8)], isRead: false))
    }

    @Test func afterAnInterruptionTheStatesAreReadAgain() {
        var registry = makeRegistry(photo)
        _ = attach(photo, to: &registry)
        received(&registry, message(8))
        registry.lost([photo], isConnected: false, now: 0)
        registry.isConnected = true
        registry.subscribed(photo)
        for case .readPosition(let query) in registry.takeActions() {
            registry.positioned(query, at: nil) { _, _ in true }
        }
        #expect(registry.takeActions() == [.readStates(photo)])
        registry.snapshot([photo: frame(9).bytes])
        #expect(delivered(registry.takeActions()) == [[frame(9)], []])
    }

    @Test func statesAreNotReadWhereNobodyKnowsThem() {
        var withoutSource = makeRegistry(photo, kinds: [])
        #expect(attach(photo, to: &withoutSource) == ([], isRead: false))
        var ofVideo = makeRegistry(video)
        #expect(attach(video, to: &ofVideo) == ([], isRead: false))
    }

    @Test func aSeedIsForThoseWhoJoinLaterAndReplacesNothing() {
        let sockets = RecordingSockets()
        let loop = sockets.makeLoop()
        loop.topic(0).seed(frame(5))
        #expect(loop.topic(0).latestStates == [frame(5)])
        loop.append(frame(6), to: 0)
        loop.topic(0).seed(frame(5))
        loop.topic(0).seed(frame(1, "viewers"))
        #expect(loop.topic(0).latestStates == [frame(6), frame(1, "viewers")])
    }
}
