import Wire

@testable import Fanout

/// Somebody who watches a channel, leaves, loses the connection, and comes back to any Reader with the last id it has.
final class SimulatedViewer: CustomStringConvertible {
    unowned let world: World
    let number: Int
    let channel: Int
    /// What it has seen, as the witness wrote it down.
    let testimony: Testimony
    /// Nanoseconds that it takes longer for everything that it reads.
    private(set) var slowness: UInt64 = 0
    private var connect: SimulatedConnect?
    private var stream: SimulatedStream?
    private var lastID: Position?
    private var attempts = 0

    init(world: World, number: Int, channel: Int) {
        self.world = world
        self.number = number
        self.channel = channel
        testimony = Testimony(name: "viewer \(number)", channel: channel, witness: world.witness)
    }

    var description: String { "viewer \(number)" }
    var isConnected: Bool { stream != nil && testimony.isConnected }
    func isWatching(_ reader: SimulatedReader) -> Bool { stream?.reader === reader }

    func start() {
        world.after(world.random.micros(0...500_000)) { self.come() }
        world.after(world.random.micros(100_000...1_500_000)) { self.move() }
    }

    func calm() {
        slowness = 0
        stream?.hurry()
    }

    func slowDown() {
        slowness = world.random.micros(10_000...800_000)
        world.note("\(self): reads slowly")
    }

    // MARK: Coming

    private func come() {
        guard connect == nil, stream == nil else { return }
        let reader = world.random.pick(world.readers)
        let start = streamStart()
        world.coverage.connects += 1
        world.note("\(self): connects to \(reader), \(start)")
        let connect = SimulatedConnect(viewer: self, reader: reader, number: world.coverage.connects, start: start)
        self.connect = connect
        connect.start()
        // A request that is never answered is given up.
        world.after(3_000_000_000) {
            guard self.connect === connect else { return }
            connect.abandon()
            self.rest()
        }
    }

    private func streamStart() -> StreamStart {
        guard let lastID, !(world.isTurbulent && world.random.chance(80)) else {
            testimony.begins()
            lastID = nil
            return .now
        }
        guard world.isTurbulent, world.random.chance(30) else { return .after("\(lastID)") }
        testimony.begins()
        testimony.mayBeToldAnything = true
        self.lastID = nil
        return .after(world.random.pick(["nonsense", "-3.x", "\(lastID.offset).other", ""]))
    }

    /// The Reader gives the stream to a loop.
    func attaching(_ connect: SimulatedConnect) {
        guard connect === self.connect else { return }
        self.connect = nil
        stream = connect.stream
    }

    func refused(_ connect: SimulatedConnect) {
        guard connect === self.connect else { return }
        rest()
    }

    private func rest(_ pause: UInt64? = nil) {
        connect = nil
        stream = nil
        attempts += 1
        let most = min(20_000 << min(attempts, 6), 1_000_000)
        world.after(pause ?? world.random.micros(1_000...most)) { self.come() }
    }

    // MARK: Watching

    func received(_ bytes: [UInt8], from stream: SimulatedStream) {
        guard stream === self.stream else { return }
        for frame in StreamFrames.read(bytes) where stream === self.stream { take(frame) }
    }

    private func take(_ frame: StreamFrame) {
        if frame != .heartbeat { world.note("\(self): \(frame)") }
        switch frame {
        case .connected(let position):
            attempts = 0
            testimony.connected(at: position, resumedFrom: lastID)
            lastID = position
        case .comment(let position):
            testimony.received(position)
            lastID = position
        case .gap(let position, let from, let to):
            testimony.told(at: position, from: from, to: to)
            lastID = position
        case .reconnect(let milliseconds):
            stream?.hangUp()
            testimony.disconnected()
            rest(UInt64(milliseconds) * 1_000_000 + 1)
        case .heartbeat, .end: break
        case .unreadable(let text): testimony.complain("got something unreadable: \(text)")
        }
    }

    func ended(_ stream: SimulatedStream) {
        guard stream === self.stream else { return }
        world.note("\(self): its connection ended")
        testimony.disconnected()
        rest()
    }

    // MARK: Leaving

    /// Now and then it leaves, for a moment or for longer.
    private func move() {
        guard world.isTurbulent else { return }
        if world.random.chance(600) { cut() }
        world.after(world.random.micros(50_000...2_500_000)) { self.move() }
    }

    /// - Parameter pause: how long it stays away, in nanoseconds; else the seed decides.
    func cut(for pause: UInt64? = nil) {
        guard let stream else {
            connect?.abandon()
            if connect != nil { rest() }
            return
        }
        world.note("\(self): leaves")
        stream.hangUp(inTheMiddle: world.random.chance(500))
        // What it read last may have sent it away.
        guard self.stream === stream else { return }
        testimony.disconnected()
        slowness = 0
        let isShort = world.random.chance(500)
        rest(pause ?? (isShort ? world.random.micros(0...20_000) : world.random.micros(100_000...3_000_000)))
    }
}
