internal import Primitives
internal import SocketIO
internal import SocketLoop

/// A client of Socket.IO on a loop: its protocol, its connections, and the viewers of the hub that it carries.
final class Session {
    /// A WebSocket that wants to take over. Apart: few sessions have one, and each is kept small.
    final class Probe {
        let socket: SocketHandle
        var decoder: WebSocketDecoder

        init(socket: SocketHandle, decoder: WebSocketDecoder) {
            self.socket = socket
            self.decoder = decoder
        }
    }

    // An idle client costs this much memory; the order leaves few gaps.
    let id: SessionID
    var engine: EngineIOSession
    var connection = SocketIOConnection()
    private var handle = SocketHandle.none
    var decoder: WebSocketDecoder
    /// It is sent away at ``endsAt``.
    private(set) var isDraining = false
    /// Its place in the table.
    let index: UInt32
    var probe: Probe?
    /// Of the poll that waits.
    var reply: SessionReply?
    var lease: ViewerLease?
    /// A viewer for each subscription.
    var viewers = SmallList<ViewerID>()
    /// Until then the client has to join a namespace, or it is sent away; never otherwise.
    private(set) var endsAt: UInt64
    /// When the timer fires that was set last.
    var timerAt = UInt64.max

    init(_ id: SessionID, index: UInt32, _ engine: EngineIOSession, messageBytesMax: Int, connectBy: UInt64) {
        self.id = id
        self.index = index
        self.engine = engine
        endsAt = connectBy
        decoder = WebSocketDecoder(messageBytesMax: messageBytesMax)
    }

    var socket: SocketHandle? {
        get { handle == SocketHandle.none ? nil : handle }
        set { handle = newValue ?? SocketHandle.none }
    }

    var deadline: UInt64 { min(engine.deadline, endsAt) }

    /// The client has joined a namespace.
    func joined() { if !isDraining { endsAt = .max } }

    func drain(at time: UInt64) { (isDraining, endsAt) = (true, min(time, endsAt)) }

    /// The client was told that it is sent away.
    func drained() { isDraining = false }

    func backlogBytes(_ sockets: some ViewerSockets) -> Int {
        socket.map { sockets.backlogBytes(of: $0) } ?? engine.queuedBytes
    }

    /// The next message of one of its connections.
    func nextMessage(of socket: SocketHandle) throws(WebSocketDecoder.Violation) -> WebSocketDecoder.Message? {
        if self.socket == socket { return try decoder.next() }
        guard probe?.socket == socket else { return nil }
        return try probe?.decoder.next()
    }

    func append(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle) {
        if self.socket == socket { decoder.append(bytes) } else { probe?.decoder.append(bytes) }
    }
}

/// The sessions of a loop, by their id and by the number that their sockets carry as a tag.
struct SessionTable {
    private static let tagBit: UInt32 = 1 << 31

    private var slots: [Session?] = []
    private var free: [UInt32] = []
    private var indices: [SessionID: UInt32] = [:]
    /// Whose client has taken what it was given: their viewers may be fed.
    var drained: [Session] = []
    /// Who has to be ended, and may not be in the middle of a slice of writes.
    var ending: [(session: Session, reason: DisconnectReason)] = []

    var isEmpty: Bool { indices.isEmpty }
    var all: [Session] { slots.compactMap(\.self) }
    var nextIndex: UInt32 { free.last ?? UInt32(slots.count) }

    static func isTag(_ tag: UInt32) -> Bool { tag & tagBit != 0 }

    static func tag(of index: UInt32) -> UInt32 { index | tagBit }

    subscript(index: UInt32) -> Session? { Int(index) < slots.count ? slots[Int(index)] : nil }

    subscript(tag tag: UInt32) -> Session? { Self.isTag(tag) ? self[tag & ~Self.tagBit] : nil }

    subscript(id: SessionID) -> Session? { indices[id].flatMap { self[$0] } }

    mutating func insert(_ session: Session) {
        if free.popLast() == nil { slots.append(nil) }
        slots[Int(session.index)] = session
        indices[session.id] = session.index
    }

    mutating func remove(_ session: Session) {
        slots[Int(session.index)] = nil
        indices[session.id] = nil
        free.append(session.index)
    }
}
