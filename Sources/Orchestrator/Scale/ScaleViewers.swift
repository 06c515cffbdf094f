import Audience
import CKernel
import Foundation
import Glibc
import Primitives
import SocketLoop
import Testbed

/// Viewers without sockets, for audiences that no machine has descriptors for, and a few with one. Everything but the write is
/// real for the former: subscription, order, passes, the count of deliveries. Each notes how late it was at its turn.
final class ScaleViewers: Sendable {
    /// A handle that names no socket: no table has a slot with this index.
    static let handle = SocketHandle(index: .max, generation: .max)

    private struct State {
        var histogram = LatencyHistogram()
        /// The last chunk, and the times in it: one after the other, all viewers of a channel get the same.
        var chunk: [UInt8] = []
        var stamps: [Int64] = []
        var left: Int
    }

    private let state: Mutex<State>
    private let drain: SocketDrain

    /// - Throws: ``Failure/unavailable(_:)`` when there is no descriptor left.
    init(sockets: Int) throws {
        state = Mutex(State(left: sockets))
        drain = try SocketDrain()
    }

    var latency: LatencyHistogram { state.withLock { $0.histogram } }

    /// Of the next viewer; -1 for one without a socket.
    func takeDescriptor() -> Int32 {
        let hasSocket = state.withLock { state in
            state.left -= 1
            return state.left >= 0
        }
        return hasSocket ? drain.open() : -1
    }

    /// On the hub's loop, at each viewer's turn.
    func wrote(_ chunk: [UInt8]) {
        let now = WallClock.microseconds()
        state.withLock { state in
            let isSame = chunk.withUnsafeBufferPointer { new in
                state.chunk.withUnsafeBufferPointer { $0.baseAddress == new.baseAddress && $0.count == new.count }
            }
            if !isSame {
                state.chunk = chunk
                state.stamps = ScaleFrames.stamps(in: chunk)
            }
            for stamp in state.stamps { state.histogram.record(microseconds: max(0, now - stamp)) }
        }
    }
}

/// Reads whatever comes on its sockets, and throws it away.
final class SocketDrain: Sendable {
    private let poller: Int32

    init() throws(Failure) {
        poller = chorus_epoll_create()
        guard poller >= 0 else { throw .unavailable("no descriptor is left") }
        let poller = poller
        // Until the process ends.
        Thread.detachNewThread { SocketDrain.read(poller) }
    }

    /// One end of a new pair, not blocking; the other one is read. -1 when there is no descriptor left.
    func open() -> Int32 {
        var pair: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else { return -1 }
        guard chorus_epoll_add(poller, pair[1], UInt32(CHORUS_READABLE), UInt64(pair[1])) == 0 else {
            close(pair[0])
            close(pair[1])
            return -1
        }
        return pair[0]
    }

    private static func read(_ poller: Int32) {
        let ready = UnsafeMutableBufferPointer<chorus_ready>.allocate(capacity: Int(CHORUS_READY_MAX))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        while true {
            let count = chorus_epoll_wait(poller, ready.baseAddress, -1)
            for event in ready.prefix(Int(max(0, count))) {
                let descriptor = Int32(event.data)
                if recv(descriptor, buffer.baseAddress, buffer.count, 0) == 0 { close(descriptor) }
            }
        }
    }
}
