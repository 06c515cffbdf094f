internal import CKernel

/// The sockets of one loop: a dense table, what waits for each, and their timers.
///
/// Belongs to the loop's thread: it is not `Sendable`, is made there, and the handler gets it as a parameter.
public final class Sockets {
    public struct Limits: Sendable {
        /// Sockets at the same time.
        public var socketsMax: Int
        /// Bytes that may wait for one socket.
        public var backlogBytesMax: Int
        /// `SO_SNDBUF`; `nil` leaves the kernel's own sizing on.
        public var sendBufferBytes: Int?
        /// `SO_RCVBUF`, likewise.
        public var receiveBufferBytes: Int?
        /// A connection ends when sent data is not acknowledged for so long (TCP_USER_TIMEOUT).
        public var unacknowledgedMilliseconds: Int

        public init(
            socketsMax: Int = 65_536, backlogBytesMax: Int = 256 << 10, sendBufferBytes: Int? = nil,
            receiveBufferBytes: Int? = nil, unacknowledgedMilliseconds: Int = 60_000
        ) {
            self.socketsMax = socketsMax
            self.backlogBytesMax = backlogBytesMax
            self.sendBufferBytes = sendBufferBytes
            self.receiveBufferBytes = receiveBufferBytes
            self.unacknowledgedMilliseconds = unacknowledgedMilliseconds
        }
    }

    public enum SendResult: Equatable, Sendable {
        /// The kernel has all of it.
        case sent
        /// Some of it waits.
        case waiting
        /// The socket is gone, or went because of this write; `socketClosed` follows or has been called.
        case closed
    }

    struct Slot {
        var descriptor: Int32 = -1
        var generation: UInt32 = 0
        var tag: UInt32 = 0
        var isConnecting = false
        var hasBacklog = false
        var isReadingPaused = false
    }

    private let limits: Limits
    /// Sockets that are open now.
    public private(set) var count = 0
    /// Monotonic nanoseconds, read once a turn and after each slice of work.
    public internal(set) var now: UInt64

    private var slots: [Slot] = []
    private var free: [UInt32] = []
    private var backlogs: [UInt32: Backlog] = [:]
    /// Sockets that broke while their owner was writing: reported in the same turn, after the owner's call.
    var broken: [(socket: SocketHandle, tag: UInt32, reason: CloseReason)] = []
    var wheel: TimerWheel
    private let poller: Int32

    init(limits: Limits, poller: Int32, now: UInt64) {
        self.limits = limits
        self.poller = poller
        self.now = now
        self.wheel = TimerWheel(now: now)
    }

    // MARK: Opening

    /// Takes over a connected socket. The loop owns the descriptor from here on, also when the answer is `nil` (the
    /// table is full or the kernel refuses): then it is closed.
    public func adopt(descriptor: Int32, tag: UInt32 = 0) -> SocketHandle? {
        configure(descriptor)
        return insert(descriptor, tag: tag, isConnecting: false)
    }

    /// Starts to connect: `socketConnected` follows, or `socketClosed` with the reason.
    ///
    /// - Parameter source: the address that it comes from; `nil`: the kernel chooses.
    public func connect(to address: SocketAddress, from source: SourceAddress? = nil, tag: UInt32 = 0) -> SocketHandle?
    {
        let descriptor = chorus_stream_socket(address.family)
        guard descriptor >= 0 else { return nil }
        configure(descriptor)
        let bound = source?.bind(descriptor) ?? 0
        let status = bound == 0 ? address.connect(descriptor) : -bound
        guard status == 0 || status == -EINPROGRESS else {
            _ = closeDescriptor(descriptor)
            return nil
        }
        return insert(descriptor, tag: tag, isConnecting: true)
    }

    private func configure(_ descriptor: Int32) {
        _ = chorus_set_no_delay(descriptor)
        _ = chorus_set_user_timeout(descriptor, UInt32(limits.unacknowledgedMilliseconds))
        if let bytes = limits.sendBufferBytes { _ = chorus_set_send_buffer(descriptor, Int32(bytes)) }
        if let bytes = limits.receiveBufferBytes { _ = chorus_set_receive_buffer(descriptor, Int32(bytes)) }
    }

    private func insert(_ descriptor: Int32, tag: UInt32, isConnecting: Bool) -> SocketHandle? {
        guard count < limits.socketsMax else {
            _ = closeDescriptor(descriptor)
            return nil
        }
        let index = free.popLast() ?? UInt32(slots.count)
        if Int(index) == slots.count { slots.append(Slot()) }
        let handle = SocketHandle(index: index, generation: slots[Int(index)].generation)
        guard chorus_epoll_add(poller, descriptor, events(writing: isConnecting), handle.packed) == 0 else {
            free.append(index)
            _ = closeDescriptor(descriptor)
            return nil
        }
        slots[Int(index)].descriptor = descriptor
        slots[Int(index)].tag = tag
        slots[Int(index)].isConnecting = isConnecting
        count += 1
        return handle
    }

    // MARK: Looking up

    /// The number that its owner gave to the socket.
    public func tag(of handle: SocketHandle) -> UInt32? { slot(handle).map { slots[$0].tag } }

    /// Bytes that wait for this socket.
    public func backlogBytes(of handle: SocketHandle) -> Int {
        slot(handle) == nil ? 0 : backlogs[handle.index]?.bytes ?? 0
    }

    /// Calls `body` with every open socket. The body may close sockets.
    public func forEach(_ body: (SocketHandle) -> Void) {
        for index in slots.indices where slots[index].descriptor >= 0 {
            body(SocketHandle(index: UInt32(index), generation: slots[index].generation))
        }
    }

    @inline(__always)
    func slot(_ handle: SocketHandle) -> Int? {
        let index = Int(handle.index)
        guard index < slots.count, slots[index].generation == handle.generation, slots[index].descriptor >= 0 else {
            return nil
        }
        return index
    }

    // MARK: Writing

    /// Writes `bytes` after whatever waits already. What the kernel does not take waits as a reference to `bytes`; over
    /// the limit the socket is closed with `slowConsumer`. A write may be larger than the limit when nothing waits before
    /// it: a viewer that recovers a long history would be disconnected by it every time.
    @discardableResult
    public func send(_ bytes: [UInt8], to handle: SocketHandle) -> SendResult {
        guard let index = slot(handle) else { return .closed }
        var offset = 0
        if !slots[index].hasBacklog && !slots[index].isConnecting {
            let written = bytes.withUnsafeBytes { chorus_send(slots[index].descriptor, $0.baseAddress, $0.count) }
            if written == bytes.count { return .sent }
            if written < 0, written != -Int(EAGAIN), written != -Int(EINTR) {
                broken.append((handle, slots[index].tag, CloseReason(errno: Int32(-written))))
                discard(handle)
                return .closed
            }
            offset = max(written, 0)
        }
        return wait(bytes, from: offset, handle: handle, index: index)
    }

    private func wait(_ bytes: [UInt8], from offset: Int, handle: SocketHandle, index: Int) -> SendResult {
        var backlog = backlogs.removeValue(forKey: handle.index) ?? Backlog()
        guard backlog.isEmpty || backlog.bytes + bytes.count - offset <= limits.backlogBytesMax else {
            backlogs[handle.index] = backlog
            broken.append((handle, slots[index].tag, .slowConsumer))
            discard(handle, abortively: true)
            return .closed
        }
        backlog.append(bytes, from: offset)
        backlogs[handle.index] = backlog
        if !slots[index].hasBacklog {
            slots[index].hasBacklog = true
            if !slots[index].isConnecting { watch(index, writing: true) }
        }
        return .waiting
    }

    /// The kernel takes bytes again. Returns the errno of a broken socket.
    func flush(_ handle: SocketHandle) -> Int32 {
        guard let index = slot(handle), var backlog = backlogs.removeValue(forKey: handle.index) else { return 0 }
        let error = backlog.flush(to: slots[index].descriptor)
        if backlog.isEmpty {
            slots[index].hasBacklog = false
            watch(index, writing: false)
        } else {
            backlogs[handle.index] = backlog
        }
        return error
    }

    // MARK: Reading

    /// Stops to read: the peer is held back by the kernel's windows. Used to play a client that never reads.
    public func pauseReading(_ handle: SocketHandle) {
        guard let index = slot(handle) else { return }
        slots[index].isReadingPaused = true
        watch(index, writing: slots[index].hasBacklog)
    }

    func receive(_ handle: SocketHandle, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let index = slot(handle) else { return -Int(EBADF) }
        return chorus_receive(slots[index].descriptor, buffer.baseAddress, buffer.count)
    }

    // MARK: Connecting

    func isConnecting(_ handle: SocketHandle) -> Bool { slot(handle).map { slots[$0].isConnecting } ?? false }

    /// A connection attempt ended: 0, or the errno.
    func finishConnecting(_ handle: SocketHandle) -> Int32 {
        guard let index = slot(handle) else { return EBADF }
        let error = chorus_socket_error(slots[index].descriptor)
        guard error == 0 else { return error }
        slots[index].isConnecting = false
        watch(index, writing: slots[index].hasBacklog)
        return 0
    }

    // MARK: Closing

    /// Closes an open socket without a call of `socketClosed`. What waits for it is dropped.
    public func close(_ handle: SocketHandle) { discard(handle) }

    /// Releases slot and descriptor. A peer that does not read is reset, so that the kernel forgets what it holds.
    func discard(_ handle: SocketHandle, abortively: Bool = false) {
        guard let index = slot(handle) else { return }
        if abortively { _ = chorus_set_abortive_close(slots[index].descriptor) }
        _ = closeDescriptor(slots[index].descriptor)
        backlogs[handle.index] = nil
        slots[index] = Slot(generation: slots[index].generation &+ 1)
        free.append(handle.index)
        count -= 1
    }

    // MARK: Timers

    /// `timerFired` is called with `token` at the first tick (5 ms) at or after `deadline`, in monotonic nanoseconds.
    public func schedule(_ token: TimerToken, at deadline: UInt64) {
        wheel.schedule(token, at: deadline)
    }

    // MARK: The poller

    private func watch(_ index: Int, writing: Bool) {
        let handle = SocketHandle(index: UInt32(index), generation: slots[index].generation)
        let events = events(writing: writing, reading: !slots[index].isReadingPaused)
        _ = chorus_epoll_modify(poller, slots[index].descriptor, events, handle.packed)
    }

    private func events(writing: Bool, reading: Bool = true) -> UInt32 {
        var events: Int = reading ? CHORUS_READABLE | CHORUS_PEER_CLOSED : 0
        if writing { events |= CHORUS_WRITABLE }
        return UInt32(events)
    }
}

@available(*, unavailable)
extension Sockets: Sendable {}

/// Names one socket of one loop. A handle outlives its socket harmlessly: the slot's next owner has another generation.
public struct SocketHandle: Hashable, Sendable {
    public let index: UInt32
    public let generation: UInt32

    public init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }

    init(packed: UInt64) {
        self.init(index: UInt32(truncatingIfNeeded: packed), generation: UInt32(truncatingIfNeeded: packed >> 32))
    }

    var packed: UInt64 { UInt64(generation) << 32 | UInt64(index) }
}
