public import SocketIO
internal import SocketLoop
public import Wire

/// Sessions of Socket.IO: their requests and connections come from HTTP, and each lives on one loop.
extension Hub {
    /// A new session whose client polls. The reply is the body of its first answer.
    ///
    /// - Parameters:
    ///   - sid: its id, as the client says it: it ends with the text of `session`.
    ///   - lease: what it depends on, until one is given with ``accept(_:namespace:_:lease:)``.
    public func open(
        _ session: SessionID, sid: String, lease: ViewerLease?, _ reply: SessionReply
    ) throws(HubRefusal) {
        try takeSession()
        if !submit(.open(sid: sid, lease, reply), for: session) { dropSession() }
    }

    /// Whether one more session may be opened; to be asked before a socket is taken from HTTP.
    public func mayOpenSession() throws(HubRefusal) {
        try takeSession()
        dropSession()
    }

    /// A new session on a WebSocket.
    ///
    /// - Parameters:
    ///   - descriptor: owned by the hub from the call on, whatever happens.
    ///   - head: of the answer that makes the connection a WebSocket.
    public func adopt(_ session: SessionID, sid: String, descriptor: Int32, head: [UInt8], lease: ViewerLease?) {
        do throws(HubRefusal) {
            try takeSession()
            if submit(.adopt(sid: sid, descriptor: descriptor, head: head, lease), for: session) { return }
            dropSession()
        } catch {}
        Descriptor.discard(descriptor)
        sessionHandler?.ended(session)
    }

    private func takeSession() throws(HubRefusal) {
        let isDraining = step { $0.isDraining }
        var refusal: HubRefusal? = isDraining ? .draining : nil
        count { counters in
            if refusal == nil, counters.sessions >= settings.connectionsMax { refusal = .tooManyConnections }
            if let refusal { counters.refusals[refusal, default: 0] += 1 } else { counters.sessions += 1 }
        }
        if let refusal { throw refusal }
    }

    private func dropSession() { count { $0.sessions -= 1 } }

    /// A GET of a session that polls, until there is something for it.
    public func poll(_ session: SessionID, _ reply: SessionReply) { submit(.poll(reply), for: session) }

    /// The client of the poll that waits has gone.
    public func abandonPoll(_ session: SessionID) { submit(.abandonPoll, for: session) }

    /// The body of a POST.
    public func post(_ session: SessionID, _ body: [UInt8], _ reply: SessionReply) {
        submit(.post(body, reply), for: session)
    }

    /// Asks whether a WebSocket may take over from polling; then ``probe(_:descriptor:head:)`` is to follow.
    public func mayProbe(_ session: SessionID, _ reply: SessionReply) { submit(.mayProbe(reply), for: session) }

    /// A WebSocket that wants to take over.
    ///
    /// - Parameter descriptor: owned by the hub from the call on, whatever happens.
    public func probe(_ session: SessionID, descriptor: Int32, head: [UInt8]) {
        if !submit(.probe(descriptor: descriptor, head: head), for: session) { Descriptor.discard(descriptor) }
    }

    /// Sends a packet.
    public func send(_ packet: SocketIOPacket, to session: SessionID) { submit(.send(packet.frames), for: session) }

    /// The client is in a namespace that it asked for, and gets `packets`.
    public func accept(
        _ session: SessionID, namespace: String, _ packets: SocketIOPacket..., lease: ViewerLease? = nil
    ) {
        let frames = Array(packets.map(\.frames).joined())
        submit(.accept(namespace: namespace, frames: frames, lease), for: session)
    }

    /// The client may not join: the reason is the data of a packet.
    public func refuse(_ session: SessionID, namespace: String, _ reason: [UInt8]) {
        let packet = SocketIOPacket(.connectError, namespace: namespace, data: reason)
        submit(.refuse(namespace: namespace, frames: packet.frames), for: session)
    }

    /// Ends the subscription to exactly these channels.
    public func unsubscribe(_ session: SessionID, from channels: [Channel]) {
        submit(.unsubscribe(channels), for: session)
    }

    /// Ends a session.
    public func close(_ session: SessionID, _ reason: DisconnectReason) { submit(.close(reason), for: session) }
}
