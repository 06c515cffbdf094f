import Broker
import Testing
import Wire

@testable import Fanout

@Suite struct ChannelRegistryTests {
    private typealias Registry = ChannelRegistry<String>
    private struct Unexpected: Error {
        var actions: [Registry.Action]
    }

    /// A registry whose channel was acknowledged for a connect, "a", and the query for its position.
    private func makePositioning(_ settings: Registry.Settings = .init(loops: 1)) throws -> (Registry, ChannelQuery) {
        var registry = Registry(settings: settings)
        registry.isConnected = true
        registry.join([channel], waiter: "a", now: 0)
        #expect(registry.takeActions() == [.subscribe(channel)])
        registry.subscribed(channel)
        let actions = registry.takeActions()
        guard case .readPosition(let query)? = actions.last else { throw Unexpected(actions: actions) }
        return (registry, query)
    }

    private func makeLive() throws -> Registry {
        var (registry, query) = try makePositioning()
        registry.positioned(query, at: at(1), room: hasRoom)
        #expect(registry.takeActions() == [.admit("a")])
        attach(to: &registry)
        return registry
    }

    private func attach(isDisplaced: Bool = false, to registry: inout Registry) {
        let isAttached = registry.attach(
            [channel], descriptor: 0, from: .now, hello: [], retryMilliseconds: 1, isDisplaced: isDisplaced)
        #expect(isAttached)
        _ = registry.takeActions()
    }

    private let hasRoom: Room = { _, _ in true }

    private func receive(_ offset: UInt64, _ registry: inout Registry, hasRoom: Bool = true) {
        let (duplicates, isDeferred) = registry.received([message(offset)]) { _, _ in hasRoom }
        #expect(duplicates == 0 && isDeferred == !hasRoom)
    }

    private func position(_ registry: Registry) -> Position? { registry.entries[channel]?.sequencer.position }

    private func query(in actions: [Registry.Action]) throws -> ChannelQuery {
        guard actions.count == 1, case .readHistory(let query)? = actions.last else {
            throw Unexpected(actions: actions)
        }
        return query
    }

    private func positionQuery(in actions: [Registry.Action]) throws -> ChannelQuery {
        guard actions.count == 1, case .readPosition(let query)? = actions.last else {
            throw Unexpected(actions: actions)
        }
        return query
    }

    private func kinds(in actions: [Registry.Action]) -> [Frame.Kind] {
        actions.flatMap { action in
            if case .deliver(let frames, _, _) = action { frames.map(\.frame.kind) } else { [Frame.Kind]() }
        }
    }

    @Test func whatWasDroppedIsRepairedAtTheNextTick() throws {
        var registry = try makeLive()
        receive(2, &registry, hasRoom: false)
        #expect(registry.takeActions() == [])
        registry.tick(now: 1)
        let asked = try positionQuery(in: registry.takeActions())
        registry.positioned(asked, at: at(2), room: hasRoom)
        #expect(registry.repairStart(of: try query(in: registry.takeActions())) == at(1))
    }

    /// The page that is on its way may be older than what was dropped, and no further message may ever come.
    @Test func whatWasDroppedDuringARepairIsRepairedAfterIt() throws {
        var registry = try makeLive()
        receive(3, &registry)
        let first = try query(in: registry.takeActions())
        receive(4, &registry, hasRoom: false)
        registry.tick(now: 1)
        #expect(registry.takeActions() == [], "one repair at a time")
        #expect(registry.repaired(first, with: page(2...3, newest: at(3)), room: hasRoom) == true)
        #expect(kinds(in: registry.takeActions()) == [.log(at(2)), .log(at(3))])
        registry.tick(now: 2)
        let second = try positionQuery(in: registry.takeActions())
        registry.positioned(second, at: at(4), room: hasRoom)
        #expect(try query(in: registry.takeActions()) == second)
        #expect(registry.repairStart(of: second) == at(3))
        #expect(registry.repaired(second, with: page(4...4, newest: at(4)), room: hasRoom) == true)
        #expect(kinds(in: registry.takeActions()) == [.log(at(4))])
        registry.tick(now: 3)
        #expect(registry.takeActions() == [])
    }

    // MARK: Reconnects

    private func makeReconnected(after registry: Registry) throws -> (Registry, ChannelQuery) {
        var registry = registry
        registry.lost([channel], isConnected: false, now: 1)
        registry.isConnected = true
        registry.subscribed(channel)
        let query = try positionQuery(in: registry.takeActions())
        return (registry, query)
    }

    /// A position that says nothing, or the same, is answer enough: no history is read.
    @Test(arguments: [at(1), nil]) func whatDidNotMoveIsLiveAgain(position: Position?) throws {
        var (registry, query) = try makeReconnected(after: makeLive())
        receive(2, &registry)
        #expect(registry.takeActions() == [], "it is held")
        registry.positioned(query, at: position, room: hasRoom)
        #expect(kinds(in: registry.takeActions()) == [.log(at(2))])
        #expect(registry.entries[channel]?.phase == .live)
        receive(3, &registry)
        #expect(kinds(in: registry.takeActions()) == [.log(at(3))])
    }

    /// Also back: Redis came back with less than it had acknowledged.
    @Test(arguments: [at(2), at(0), at(1, "new")]) func whatMovedIsReadFromTheHistory(position: Position) throws {
        var (registry, query) = try makeReconnected(after: makeLive())
        registry.positioned(query, at: position, room: hasRoom)
        #expect(try self.query(in: registry.takeActions()) == query)
        #expect(registry.repairStart(of: query) == at(1))
    }

    @Test func whatIsHeldWaitsForRoom() throws {
        var (registry, query) = try makeReconnected(after: makeLive())
        receive(2, &registry)
        registry.positioned(query, at: at(1)) { _, _ in false }
        #expect(try self.query(in: registry.takeActions()) == query)
        #expect(registry.repaired(query, with: page([2], newest: at(2)), room: hasRoom) == true)
        #expect(kinds(in: registry.takeActions()) == [.log(at(2))])
    }

    /// The answer was on its way when the connection was lost once more.
    @Test func aPositionOfAnEarlierConnectionCountsForNothing() throws {
        let (registry, old) = try makeReconnected(after: makeLive())
        var (again, query) = try makeReconnected(after: registry)
        again.positioned(old, at: at(1), room: hasRoom)
        #expect(again.takeActions() == [] && again.entries[channel]?.phase == .repairing)
        again.positioned(query, at: at(1), room: hasRoom)
        #expect(again.entries[channel]?.phase == .live)
    }

    // MARK: Displaced viewers

    @Test func aSubscriptionIsExtraWhileNobodyElseNeedsIt() throws {
        var registry = try makeLive()
        func leave(isDisplaced: Bool) {
            registry.departed(.init(topics: [0], reason: .clientClosed, isDisplaced: isDisplaced), loop: 0, now: 0)
        }
        #expect(registry.extraSubscriptions == 0)
        attach(isDisplaced: true, to: &registry)
        #expect(registry.extraSubscriptions == 0)
        leave(isDisplaced: false)
        #expect(registry.extraSubscriptions == 1)
        leave(isDisplaced: true)
        #expect(registry.extraSubscriptions == 0)
    }

    @Test func aPageWithoutRoomIsReadAgain() throws {
        var registry = try makeLive()
        receive(3, &registry)
        let query = try query(in: registry.takeActions())
        #expect(registry.repaired(query, with: page(2...3, newest: at(3)), room: { _, bytes in bytes < 10 }) == false)
        #expect(registry.takeActions() == [] && registry.repairStart(of: query) == at(1))
        #expect(registry.repaired(query, with: page(2...3, newest: at(3)), room: hasRoom) == true)
        #expect(kinds(in: registry.takeActions()) == [.log(at(2)), .log(at(3))])
    }

    /// The answer to the query for the position and the first message come on two connections, in any order.
    @Test func aMessageThatOvertakesThePositionIsNotForgotten() throws {
        for (read, seen, start) in [(5, 6, 6), (7, 6, 7), (nil, 1, 1)] as [(UInt64?, UInt64, UInt64)] {
            var (registry, query) = try makePositioning()
            receive(seen, &registry)
            registry.positioned(query, at: read.map { at($0) }, room: hasRoom)
            #expect(registry.takeActions() == [.admit("a")])
            #expect(position(registry) == at(start))
        }
    }

    /// Found by the simulation: a message that came twice, the second time late, took the place of a newer one.
    @Test func anOldMessageDoesNotTakeThePlaceOfANewerOne() throws {
        var (registry, query) = try makePositioning()
        for offset: UInt64 in [5, 6, 5] { receive(offset, &registry) }
        registry.positioned(query, at: at(4), room: hasRoom)
        #expect(position(registry) == at(6))
    }

    @Test func aMessageOfAnotherEpochThanThePositionIsAskedAgain() throws {
        var (registry, query) = try makePositioning()
        receive(1, &registry)
        registry.positioned(query, at: Position(offset: 9, epoch: "old"), room: hasRoom)
        let actions = registry.takeActions()
        guard case .readPosition(let again)? = actions.last, actions.count == 1 else {
            throw Unexpected(actions: actions)
        }
        registry.positioned(again, at: at(1), room: hasRoom)
        #expect(registry.takeActions() == [.admit("a")])
    }

    // MARK: Admission

    @Test func aConnectIsAdmittedWhenAllItsChannelsAreReady() throws {
        let other = try #require(Channel.photo("p"))
        var registry = try makeLive()
        registry.join([channel, other], waiter: "b", now: 0)
        #expect(registry.takeActions() == [.subscribe(other)])
        registry.subscribed(other)
        guard case .readPosition(let query)? = registry.takeActions().last else { return }
        registry.positioned(query, at: nil, room: hasRoom)
        #expect(registry.takeActions() == [.admit("b")])
    }

    /// Whatever ends a connect before it is attached, its channels are unsubscribed after the cool-down.
    @Test(arguments: ["timeout", "lost", "stopped", "released"])
    func aConnectThatComesToNothingLeavesNothing(way: String) throws {
        var (registry, query) = try makePositioning(.init(loops: 1, cooldownNanoseconds: 10))
        let timeout = registry.settings.subscribeTimeoutNanoseconds
        switch way {
        case "timeout": registry.tick(now: timeout)
        case "lost": registry.lost([channel], isConnected: false, now: timeout)
        case "stopped": registry.stop(now: timeout)
        default:
            registry.positioned(query, at: nil, room: hasRoom)
            registry.release([channel], now: timeout)
        }
        let refusal: HubRefusal = way == "stopped" ? .draining : .brokerUnavailable
        #expect(registry.takeActions() == [way == "released" ? .admit("a") : .refuse("a", refusal)])
        #expect(registry.places == 0 && registry.pendingSubscribers.isEmpty)
        registry.tick(now: timeout + 9)
        #expect(registry.takeActions() == [])
        registry.tick(now: timeout + 10)
        #expect(registry.takeActions() == [.unsubscribe(channel)] && registry.entries.isEmpty)
    }

    @Test func limitsRefuse() throws {
        let other = try #require(Channel.video("w"))
        var (registry, _) = try makePositioning(.init(loops: 1, connectionsMax: 2, channelsMax: 1))
        registry.join([channel, other], waiter: "b", now: 0)
        #expect(registry.takeActions() == [.refuse("b", .tooManyChannels)])
        registry.join([channel], waiter: "c", now: 0)
        registry.join([channel], waiter: "d", now: 0)
        #expect(registry.takeActions() == [.refuse("d", .tooManyConnections)])
        registry.isDraining = true
        registry.join([channel], waiter: "e", now: 0)
        #expect(registry.takeActions() == [.refuse("e", .draining)])
    }
}
