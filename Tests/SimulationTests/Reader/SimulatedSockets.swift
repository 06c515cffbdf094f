import SocketLoop

@testable import Fanout

/// The sockets of a loop: slots with generations, and bounded backlogs.
final class SimulatedSockets: ViewerSockets {
    private unowned let world: World
    var onTimer: (TimerToken) -> Void = { _ in }
    /// Broke under a write; to be told after the turn.
    var broken: [(socket: SocketHandle, tag: UInt32)] = []
    private var offered: [Int32: SimulatedStream] = [:]
    private var slots: [(generation: UInt32, tag: UInt32, stream: SimulatedStream?)] = []
    private var free: [UInt32] = []
    private var isAlive = true

    init(world: World) { self.world = world }
    var now: UInt64 { world.now }

    /// A descriptor on its way to the loop.
    func offer(_ stream: SimulatedStream) { offered[Int32(stream.number)] = stream }

    func adopt(descriptor: Int32, tag: UInt32) -> SocketHandle? {
        guard let stream = offered.removeValue(forKey: descriptor) else { return nil }
        let index = free.popLast() ?? UInt32(slots.count)
        if Int(index) == slots.count { slots.append((0, 0, nil)) }
        slots[Int(index)].stream = stream
        slots[Int(index)].tag = tag
        let socket = SocketHandle(index: index, generation: slots[Int(index)].generation)
        stream.adopted(as: socket)
        return socket
    }

    private func stream(_ socket: SocketHandle) -> SimulatedStream? {
        let index = Int(socket.index)
        guard index < slots.count, slots[index].generation == socket.generation else { return nil }
        return slots[index].stream
    }

    func tag(of socket: SocketHandle) -> UInt32? { isOpen(socket) ? slots[Int(socket.index)].tag : nil }
    func isOpen(_ socket: SocketHandle) -> Bool { stream(socket) != nil }
    func backlogBytes(of socket: SocketHandle) -> Int { stream(socket)?.waitingBytes ?? 0 }

    func send(_ bytes: [UInt8], to socket: SocketHandle) -> Sockets.SendResult {
        guard let stream = stream(socket) else { return .closed }
        if stream.write(bytes) { return stream.waitingBytes == 0 ? .sent : .waiting }
        broken.append((socket, slots[Int(socket.index)].tag))
        discard(socket)
        return .closed
    }

    func close(_ socket: SocketHandle) {
        stream(socket)?.endOfWriting()
        discard(socket)
    }

    private func discard(_ socket: SocketHandle) {
        guard isOpen(socket) else { return }
        slots[Int(socket.index)] = (socket.generation &+ 1, 0, nil)
        free.append(socket.index)
    }

    func schedule(_ token: TimerToken, at deadline: UInt64) {
        world.after(deadline - min(deadline, now)) { if self.isAlive { self.onTimer(token) } }
    }

    func forEach(_ body: (SocketHandle) -> Void) {
        for index in slots.indices where slots[index].stream != nil {
            body(SocketHandle(index: UInt32(index), generation: slots[index].generation))
        }
    }

    /// The process is gone: every connection breaks.
    func crash() {
        isAlive = false
        for slot in slots { slot.stream?.breakOff() }
        for number in offered.keys.sorted() { offered[number]?.breakOff() }
    }
}
