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

    /// A hub's book in which the channel is live and has one viewer.
    private func makeState(_ channel: Channel, kinds: Set<Channel.Kind> = [.photo]) -> HubState {
        var state = HubState(settings: .init(loops: 2, cooldownNanoseconds: 0, channelsMax: 10, stateKinds: kinds))
        var orders: [HubState.Order] = []
        state.connectionEstablished()
        _ = state.join(channel, waiter: 1, orders: &orders)
        subscribe(channel, &state)
        _ = state.attached(channel, loop: 0)
        return state
    }

    private func subscribe(_ channel: Channel, _ state: inout HubState) {
        var orders: [HubState.Order] = []
        state.subscribed(channel, orders: &orders)
        for case .locate(let reading) in orders { state.located(reading, at: nil, orders: &orders) }
    }

    private func states(_ state: inout HubState, _ channel: Channel) -> ([Frame], [HubState.Order]) {
        var orders: [HubState.Order] = []
        let states = state.states(of: channel, orders: &orders)
        return (states, orders)
    }

    private func received(_ state: inout HubState, _ message: BrokerMessage) {
        var deliveries = Deliveries(loops: 2)
        var orders: [HubState.Order] = []
        state.received(message, deliveries: &deliveries, orders: &orders)
    }

    @Test func theFirstViewerAsksAndTheOthersAreToldAtOnce() {
        var state = makeState(photo)
        let first = states(&state, photo)
        #expect(first.0.isEmpty)
        #expect(first.1 == [.snapshot(photo)])
        var deliveries = Deliveries(loops: 2)
        state.snapshot(frame(7), of: photo, deliveries: &deliveries)
        #expect(deliveries.byLoop[0].map(\.frame) == [frame(7)])
        #expect(deliveries.byLoop[1].isEmpty)
        let second = states(&state, photo)
        #expect(second.0 == [frame(7)])
        #expect(second.1.isEmpty)
    }

    @Test func anEventThatCameFirstIsNotReplacedByASnapshot() {
        var state = makeState(photo)
        _ = states(&state, photo)
        received(&state, message(8))
        var deliveries = Deliveries(loops: 2)
        state.snapshot(frame(7), of: photo, deliveries: &deliveries)
        #expect(deliveries.byLoop.map(\.count) == [0, 0])
        #expect(states(&state, photo).0 == [frame(8)])
    }

    @Test func afterAnInterruptionTheStateIsAskedForAgain() {
        var state = makeState(photo)
        received(&state, message(8))
        var orders: [HubState.Order] = []
        state.connectionLost(orders: &orders)
        state.connectionEstablished()
        orders = []
        state.subscribed(photo, orders: &orders)
        var deliveries = Deliveries(loops: 2)
        for case .repair(let reading) in orders {
            state.repaired(reading, with: .empty, deliveries: &deliveries, orders: &orders)
        }
        #expect(orders.contains(.snapshot(photo)))
        state.snapshot(frame(9), of: photo, deliveries: &deliveries)
        #expect(deliveries.byLoop[0].map(\.frame) == [frame(9)])
    }

    @Test func nobodyIsAskedWhereNobodyKnows() {
        var withoutSource = makeState(photo, kinds: [])
        #expect(states(&withoutSource, photo).1.isEmpty)
        var ofVideo = makeState(video)
        #expect(states(&ofVideo, video).1.isEmpty)
    }

    @Test func aSeedIsForThoseWhoJoinAndReplacesNothing() {
        let hub = LoopHub<RecordingWriter>(settings: .init())
        hub.seed(frame(5), of: 0)
        #expect(hub.states(of: 0) == [frame(5)])
        hub.append(frame(6), to: 0)
        hub.seed(frame(5), of: 0)
        hub.seed(frame(1, "viewers"), of: 0)
        #expect(hub.states(of: 0) == [frame(6), frame(1, "viewers")])
    }
}
