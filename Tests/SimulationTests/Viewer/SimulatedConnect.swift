import Wire

@testable import Fanout

/// One request of a viewer at a Reader: joins the channel, waits, and becomes a stream.
final class SimulatedConnect {
    private unowned let world: World
    private unowned let viewer: SimulatedViewer
    let number: Int
    let channel: Channel
    let reader: SimulatedReader
    let stream: SimulatedStream
    private let startingPoint: StreamStart
    /// The viewer has gone before it got anything.
    private(set) var isAbandoned = false

    init(viewer: SimulatedViewer, reader: SimulatedReader, number: Int, start: StreamStart) {
        self.world = viewer.world
        self.viewer = viewer
        self.number = number
        self.reader = reader
        startingPoint = start
        channel = world.plan.channels[viewer.channel]
        stream = SimulatedStream(viewer: viewer, reader: reader, number: number)
    }

    func start() { world.after(world.latency()) { self.reader.join(self) } }
    func abandon() { isAbandoned = true }

    func answered(_ isAdmitted: Bool) {
        if isAdmitted { return admitted() }
        world.coverage.refusals += 1
        world.after(world.latency()) { self.viewer.refused(self) }
    }

    /// The head of the response is written, then the socket is attached.
    private func admitted() {
        let pause = world.random.chance(50) ? world.random.micros(50_000...900_000) : world.random.micros(50...5_000)
        world.after(pause) {
            guard self.reader.isAlive else { return self.answered(false) }
            if self.isAbandoned {
                self.reader.release(self)
            } else {
                self.viewer.attaching(self)
                self.reader.attach(self, from: self.startingPoint)
            }
        }
    }
}
