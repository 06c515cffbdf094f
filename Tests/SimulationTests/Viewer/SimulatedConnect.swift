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
    private let point: ResumePoint
    private var waiters: [WaiterID] = []
    /// The viewer has gone before it got anything.
    private(set) var isAbandoned = false
    private var isOver = false

    init(viewer: SimulatedViewer, reader: SimulatedReader, number: Int, point: ResumePoint) {
        self.world = viewer.world
        self.viewer = viewer
        self.number = number
        self.reader = reader
        self.point = point
        channel = world.plan.channels[viewer.channel]
        stream = SimulatedStream(viewer: viewer, reader: reader, number: number)
    }

    func start() { world.after(world.latency()) { self.reader.join(self) } }

    func abandon() { isAbandoned = true }

    // MARK: The Reader's answers

    func refused() {
        isOver = true
        world.coverage.refusals += 1
        world.after(world.latency()) { self.viewer.refused(self) }
    }

    /// The connect holds its interest; each waiter has to be called.
    func joined(_ waiters: [WaiterID]) {
        self.waiters = waiters
        guard let waiter = waiters.first else { return admitted() }
        // Another thread may call it before it sits.
        world.after(world.random.micros(0...500)) {
            guard self.reader.isAlive else { return self.refused() }
            if let answer = self.reader.sit(waiter, self) { self.answered(answer) }
        }
    }

    func answered(_ isAdmitted: Bool) {
        if isAdmitted { return admitted() }
        reader.release(self, waiters: waiters)
        refused()
    }

    /// The head of the response is written, then the socket is handed over.
    private func admitted() {
        let pause = world.random.chance(50) ? world.random.micros(50_000...900_000) : world.random.micros(50...5_000)
        world.after(pause) {
            guard self.reader.isAlive else { return self.refused() }
            if self.isAbandoned {
                self.reader.release(self, waiters: [])
            } else {
                self.viewer.attaching(self)
                self.reader.attach(self, from: self.point)
            }
        }
    }
}
