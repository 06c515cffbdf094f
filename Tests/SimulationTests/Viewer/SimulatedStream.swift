import SocketLoop
import Wire

@testable import Fanout

/// One connection of a viewer, from the Reader's socket to the viewer's eyes: bytes wait, arrive late, and may be cut
/// anywhere.
final class SimulatedStream {
    /// What the kernel takes off a Reader's hands, in bytes.
    static let kernelBytes = 120

    private unowned let world: World
    private unowned let viewer: SimulatedViewer
    let number: Int
    let reader: SimulatedReader
    weak var loop: SimulatedLoop?
    private(set) var socket: SocketHandle?
    private var way: [(time: UInt64, bytes: [UInt8])] = []
    private var lastArrival: UInt64 = 0
    private(set) var onTheWay = 0
    private var isWriting = true
    private var isOver = false
    private var wasHungUp = false

    init(viewer: SimulatedViewer, reader: SimulatedReader, number: Int) {
        self.world = viewer.world
        self.viewer = viewer
        self.reader = reader
        self.number = number
    }

    var waitingBytes: Int { max(0, onTheWay - Self.kernelBytes) }

    func adopted(as socket: SocketHandle) {
        self.socket = socket
        if wasHungUp { loop?.hangUp(self) }
    }

    /// `false`: too much waits, and the connection was cut.
    func write(_ bytes: [UInt8]) -> Bool {
        guard isWriting, !isOver else { return true }
        guard waitingBytes == 0 || waitingBytes + bytes.count <= world.plan.backlogBytes else {
            breakOff()
            return false
        }
        onTheWay += bytes.count
        put(bytes)
        return true
    }

    private func put(_ bytes: [UInt8]) {
        lastArrival = max(lastArrival, world.now + world.random.micros(300...60_000)) + viewer.slowness
        way.append((lastArrival, bytes))
        world.after(lastArrival - world.now) { self.arrive() }
    }

    /// The Reader closes: what its kernel has still arrives, what waited beyond it does not.
    func endOfWriting() {
        guard isWriting, !isOver else { return }
        isWriting = false
        while waitingBytes > 0, let last = way.popLast() {
            onTheWay -= last.bytes.count
            let kept = min(last.bytes.count, Self.kernelBytes - min(onTheWay, Self.kernelBytes))
            if kept > 0 {
                way.append((last.time, Array(last.bytes[..<kept])))
                onTheWay += kept
                break
            }
        }
        put([])
    }

    /// The connection breaks, from whichever side. Of what is on the way, a part arrives.
    func breakOff() {
        guard isWriting, !isOver else { return }
        isWriting = false
        way.removeLast(world.random.index(below: way.count + 1))
        if let last = way.last, world.random.chance(500) {
            world.coverage.torn += 1
            way[way.count - 1].bytes = Array(last.bytes[..<world.random.index(below: last.bytes.count)])
        }
        put([])
    }

    /// The viewer goes away, maybe in the middle of what arrives; the Reader hears of it some time.
    func hangUp(inTheMiddle: Bool = false) {
        guard !isOver else { return }
        if inTheMiddle, let first = way.first?.bytes, !first.isEmpty {
            world.coverage.torn += 1
            viewer.received(Array(first[..<world.random.index(below: first.count)]), from: self)
        }
        isOver = true
        wasHungUp = true
        way = []
        world.after(world.latency()) { self.loop?.hangUp(self) }
    }

    /// The viewer reads again as fast as it can.
    func hurry() {
        lastArrival = world.now
        for index in way.indices {
            way[index].time = world.now
            world.after(0) { self.arrive() }
        }
    }

    private func arrive() {
        guard !isOver, let first = way.first, first.time <= world.now else { return }
        way.removeFirst()
        let waited = waitingBytes > 0
        onTheWay -= first.bytes.count
        if waited, waitingBytes == 0, isWriting { loop?.drained(self) }
        if first.bytes.isEmpty, way.isEmpty, !isWriting {
            isOver = true
            viewer.ended(self)
        } else {
            viewer.received(first.bytes, from: self)
        }
    }
}

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
