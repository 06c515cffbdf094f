import Wire

@testable import Fanout

extension SimulatedReader {
    /// A connect has arrived.
    func join(_ connect: SimulatedConnect) {
        guard isAlive else { return connect.refused() }
        let (result, errands) = core.join([connect.channel], now: world.now)
        carryOut(errands)
        subscribeAsOrdered()
        switch result {
        case .failure: connect.refused()
        case .success(let waiters): connect.joined(waiters)
        }
    }

    func sit(_ waiter: WaiterID, _ connect: SimulatedConnect) -> Bool? { core.sit(waiter, connect) }

    func release(_ connect: SimulatedConnect, waiters: [WaiterID]) {
        core.release([connect.channel], waiters: waiters, now: world.now)
    }

    func attach(_ connect: SimulatedConnect, from point: ResumePoint) {
        let step = core.attach(
            Ticket(channels: [connect.channel]), descriptor: Int32(connect.stream.number), from: point,
            hello: Array("{\"type\":\"connected\"}".utf8))
        guard let (placed, errands) = step else { return connect.stream.breakOff() }
        let loop = loops[placed.loop]
        connect.stream.loop = loop
        loop.open(connect.stream)
        loop.submit(.attach(placed.attachment))
        if placed.attachment.resumption != nil { world.coverage.resumptions += 1 }
        carryOut(errands)
    }

    func departed(_ report: LoopReport, loop: Int) {
        for departure in report.departures { core.departed(departure.topics, loop: loop, now: world.now) }
    }
}
