import Wire

@testable import Fanout

extension SimulatedReader {
    /// A connect has arrived.
    func join(_ connect: SimulatedConnect) {
        guard isAlive else { return connect.answered(false) }
        registry.join([connect.channel], waiter: connect, now: world.now)
        perform()
    }

    func release(_ connect: SimulatedConnect) { registry.release([connect.channel], now: world.now) }

    func attach(_ connect: SimulatedConnect, from start: StreamStart) {
        streams[Int32(connect.stream.number)] = connect.stream
        let isAttached = registry.attach(
            [connect.channel], descriptor: Int32(connect.stream.number), from: start,
            hello: Array("{\"type\":\"connected\"}".utf8))
        if !isAttached { connect.stream.breakOff() }
        perform()
    }

    func departed(_ report: LoopReport, loop: Int) {
        for departure in report.departures { registry.departed(departure.topics, loop: loop, now: world.now) }
    }
}
