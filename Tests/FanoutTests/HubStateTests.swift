import Broker
import Testing
import Wire

@testable import Fanout

@Suite struct HubStateTests {
    private func at(_ offset: UInt64) -> Position { Position(offset: offset, epoch: "e") }

    private func message(_ offset: UInt64, _ channel: Channel) -> BrokerMessage {
        BrokerMessage(
            channel: channel, position: Position(offset: offset, epoch: "e"), frame: Array("id: \(offset).e\n\n".utf8))
    }

    private func page(_ offsets: ClosedRange<UInt64>) -> HistoryPage {
        HistoryPage(
            position: Position(offset: offsets.upperBound, epoch: "e"),
            entries: offsets.map { HistoryEntry(offset: $0, frame: Array("id: \($0).e\n\n".utf8)) })
    }

    /// A channel at offset 1 with one viewer.
    private func makeLive(_ channel: Channel) throws -> HubState {
        var (state, reading) = try makePositioning(channel)
        var orders: [HubState.Order] = []
        state.located(reading, at: Position(offset: 1, epoch: "e"), orders: &orders)
        #expect(orders.last == .admit(1))
        _ = state.attached(channel, loop: 0)
        return state
    }

    private struct Unexpected: Error {
        var orders: [HubState.Order]
    }

    private func repair(in orders: [HubState.Order]) throws -> HubState.Reading {
        guard case .repair(let reading)? = orders.last, orders.count == 1 else { throw Unexpected(orders: orders) }
        return reading
    }

    @Test func whatWasDroppedIsRepairedAtTheNextTick() throws {
        let channel = try #require(Channel.video("v"))
        var state = try makeLive(channel)
        state.dropped([message(2, channel)])
        var orders: [HubState.Order] = []
        state.tick(now: 1, orders: &orders)
        #expect(state.start(of: try repair(in: orders)) == Position(offset: 1, epoch: "e"))
    }

    /// The page that is on its way may be older than what was dropped, and no further message may ever come.
    @Test func whatWasDroppedDuringARepairIsRepairedAfterIt() throws {
        let channel = try #require(Channel.video("v"))
        var state = try makeLive(channel)
        var orders: [HubState.Order] = []
        var deliveries = Deliveries(loops: 1)
        state.received(message(3, channel), deliveries: &deliveries, orders: &orders)
        let first = try repair(in: orders)
        state.dropped([message(4, channel)])
        orders = []
        state.tick(now: 1, orders: &orders)
        #expect(orders == [], "one repair at a time")
        state.repaired(first, with: page(2...3), deliveries: &deliveries, orders: &orders)
        #expect(deliveries.byLoop[0].map(\.frame.kind) == [.log(at(2)), .log(at(3))])
        orders = []
        state.tick(now: 2, orders: &orders)
        let second = try repair(in: orders)
        #expect(state.start(of: second) == Position(offset: 3, epoch: "e"))
        state.repaired(second, with: page(4...4), deliveries: &deliveries, orders: &orders)
        #expect(deliveries.byLoop[0].last?.frame.kind == .log(at(4)))
        orders = []
        state.tick(now: 3, orders: &orders)
        #expect(orders == [])
    }

    /// The answer to the question for the position and the first message come on two connections, in any order.
    @Test func aMessageThatOvertakesThePositionIsNotForgotten() throws {
        let channel = try #require(Channel.video("v"))
        for (read, heard, start) in [(5, 6, 6), (7, 6, 7), (nil, 1, 1)] as [(UInt64?, UInt64, UInt64)] {
            var (state, reading) = try makePositioning(channel)
            var orders: [HubState.Order] = []
            var deliveries = Deliveries(loops: 1)
            state.received(message(heard, channel), deliveries: &deliveries, orders: &orders)
            state.located(reading, at: read.map { Position(offset: $0, epoch: "e") }, orders: &orders)
            #expect(orders == [.admit(1)])
            #expect(state.attached(channel, loop: 0)?.position == Position(offset: start, epoch: "e"))
        }
    }

    /// Found by the simulation: a message that came twice, the second time late, took the place of a newer one.
    @Test func anOldMessageDoesNotTakeThePlaceOfANewerOne() throws {
        let channel = try #require(Channel.video("v"))
        var (state, reading) = try makePositioning(channel)
        var orders: [HubState.Order] = []
        var deliveries = Deliveries(loops: 1)
        for offset: UInt64 in [5, 6, 5] {
            state.received(message(offset, channel), deliveries: &deliveries, orders: &orders)
        }
        state.located(reading, at: at(4), orders: &orders)
        #expect(state.attached(channel, loop: 0)?.position == at(6))
    }

    @Test func aMessageOfAnotherEpochThanThePositionAsksAgain() throws {
        let channel = try #require(Channel.video("v"))
        var (state, reading) = try makePositioning(channel)
        var orders: [HubState.Order] = []
        var deliveries = Deliveries(loops: 1)
        state.received(message(1, channel), deliveries: &deliveries, orders: &orders)
        state.located(reading, at: Position(offset: 9, epoch: "old"), orders: &orders)
        guard case .locate(let again)? = orders.last, orders.count == 1 else { throw Unexpected(orders: orders) }
        state.located(again, at: Position(offset: 1, epoch: "e"), orders: &orders)
        #expect(orders.last == .admit(1))
    }

    private func makePositioning(_ channel: Channel) throws -> (HubState, HubState.Reading) {
        var state = HubState(settings: .init(loops: 1, cooldownNanoseconds: 0, channelsMax: 10))
        var orders: [HubState.Order] = []
        state.connectionEstablished()
        #expect(state.join(channel, waiter: 1, orders: &orders) == .waiting)
        state.subscribed(channel, orders: &orders)
        guard case .locate(let reading)? = orders.last else { throw Unexpected(orders: orders) }
        return (state, reading)
    }
}
