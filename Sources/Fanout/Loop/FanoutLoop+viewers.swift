internal import SocketLoop
internal import Wire

/// What a timer of a loop is for.
enum LoopTimer: UInt32 {
    case heartbeats, drain, flush, session, ahead
}

/// The life of a connection: attached, kept alive, disconnected.
extension FanoutLoop {
    func received(_ command: LoopCommand, sockets: Connections) {
        switch command {
        case .attach(let attachment): attach(attachment, sockets)
        case .append(let entries):
            for entry in entries {
                append(entry.frame, to: entry.topic)
                disconnectLost(of: entry.topic, sockets)
            }
        case .recover(let recovery, let missed, let cursor):
            guard let id = endRecovery(recovery) else { return }
            recover(id, missed, cursor, sockets)
            if let topic = viewer(id)?.first.topic { disconnectLost(of: topic, sockets) }
            for id in recoveryMemory.slowest(over: settings.historyBytesMax) {
                disconnect(id, reason: .slowConsumer, sockets)
            }
        case .failRecovery(let recovery):
            if let id = endRecovery(recovery) { disconnect(id, reason: .recoveryFailed, sockets) }
        case .drain(let seconds, let retryMillisecondsMax):
            self.retryMillisecondsMax = retryMillisecondsMax
            let span = UInt64(max(seconds, 0) * 1_000_000_000)
            sockets.forEach { socket in
                guard let tag = sockets.tag(of: socket), !SessionTable.isTag(tag) else { return }
                scheduleDrain(socket, at: sockets.now + random.next() % max(span, 1), sockets)
            }
            drainSessions(over: max(span, 1), sockets)
        case .session(let id, let command): received(command, for: id, sockets)
        }
    }

    private func attach(_ attachment: Attachment, _ sockets: Connections) {
        if let subscription = attachment.subscription { return subscribe(subscription, attachment, sockets) }
        guard let socket = adopt(attachment.descriptor, nextViewer, sockets) else {
            report.departures.append(.init(attachment, reason: .refused))
            return
        }
        let id = add(socket, topics: attachment.topics, isRecovering: attachment.recovery != nil, sockets)
        note(attachment, id)
        if !attachment.isChunked { unchunked.insert(id) }
        if let lease = attachment.lease { leases[id] = lease }
        send(attachment.opening, to: id, socket, sockets)
        for topicID in attachment.topics {
            let states = topic(topicID).latestStates
            if !states.isEmpty { send(Chunk.joining(states), to: id, socket, sockets) }
        }
        if retryMillisecondsMax > 0 { scheduleDrain(socket, at: sockets.now, sockets) }
    }

    /// What a viewer brings that only some have, and the states that its topics have now.
    func note(_ attachment: Attachment, _ id: ViewerID) {
        if let recovery = attachment.recovery {
            viewersByRecovery[recovery] = id
            recoveriesByViewer[id] = recovery
        }
        if attachment.isDisplaced { displaced.insert(id) }
        for state in attachment.states { topic(state.topic).seed(state.frame) }
    }

    /// Ends a viewer's connection; of a session, with everything else that is on it.
    func disconnect(_ id: ViewerID, reason: DisconnectReason, _ sockets: Connections) {
        guard let viewer = viewer(id) else { return }
        if let session = sessions[viewer.session] { return end(session, reason, sockets) }
        sockets.close(viewer.socket)
        departed(id, viewer.socket, reason: reason)
    }

    /// A viewer departs once: its socket may break under a write and be closed before that is reported, and its number
    /// may be another viewer's by then.
    private func departed(_ id: ViewerID, _ socket: SocketHandle, reason: DisconnectReason) {
        guard viewer(id)?.socket == socket else { return }
        departed(id, reason: reason)
    }

    func departed(_ id: ViewerID, reason: DisconnectReason) {
        if let recovery = recoveriesByViewer.removeValue(forKey: id) { viewersByRecovery[recovery] = nil }
        if !unacknowledged.isEmpty { unacknowledged[id] = nil }
        let isDisplaced = displaced.remove(id) != nil
        report.departures.append(.init(topics: remove(id), reason: reason, isDisplaced: isDisplaced))
    }

    // MARK: Heartbeats

    func startTicks(_ sockets: Connections) {
        guard !isTicking else { return }
        heartbeats.start(at: sockets.now)
        scheduleTick(sockets)
    }

    private func scheduleTick(_ sockets: Connections) {
        isTicking = true
        let next = (sockets.now / Heartbeats.tickNanoseconds + 1) * Heartbeats.tickNanoseconds
        sockets.schedule(TimerToken(kind: LoopTimer.heartbeats.rawValue, value: 0), at: next)
    }

    /// One wake-up for all viewers that are due. The ticks end with the last viewer.
    private func tick(_ sockets: Connections) {
        isTicking = false
        endLeases(sockets)
        heartbeats.advance(to: sockets.now) { id, isDue in
            guard isDue || !recoveryMemory.isEmpty, let viewer = viewer(id) else { return }
            if isStuck(id, now: sockets.now) { return disconnect(id, reason: .slowConsumer, sockets) }
            // A viewer whose socket has bytes waiting needs no more of them.
            guard isDue, viewer.session == Viewer.none, sockets.backlogBytes(of: viewer.socket) == 0 else { return }
            send(heartbeatChunk, to: id, viewer.socket, sockets)
        }
        if viewerCount > 0 || !sessions.isEmpty { scheduleTick(sockets) }
    }

    // MARK: Drain

    private func scheduleDrain(_ socket: SocketHandle, at time: UInt64, _ sockets: Connections) {
        sockets.schedule(TimerToken(kind: LoopTimer.drain.rawValue, socket: socket), at: time)
    }

    private func drain(_ socket: SocketHandle, _ sockets: Connections) {
        guard let id = sockets.tag(of: socket) else { return }
        end(
            id, socket, telling: HubRefusal.draining.rawValue, retryMillisecondsMax: retryMillisecondsMax, .drained,
            sockets)
    }

    /// Sends a viewer its last event, and disconnects it.
    func end(
        _ id: ViewerID, _ socket: SocketHandle, telling code: String, retryMillisecondsMax: Int,
        _ reason: DisconnectReason, _ sockets: Connections
    ) {
        let delay = RetryTime.milliseconds(max: retryMillisecondsMax, draw: random.next())
        let chunk = Chunk.of(EventStream.reconnect(reason: code, retryMilliseconds: delay))
        send(unchunked.contains(id) ? chunk : chunk + Chunk.last, to: id, socket, sockets)
        disconnect(id, reason: reason, sockets)
    }
}

private let heartbeatChunk = Chunk.of(EventStream.heartbeat)

/// What a `SocketLoop` calls on its thread.
extension FanoutLoop {
    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Connections) {
        if let session = sockets.tag(of: socket).flatMap({ sessions[tag: $0] }) {
            return received(bytes, from: socket, session, sockets)
        }
        // Old clients send a stray line break after a body (RFC 9112, section 2.2); nothing else may follow a request
        // whose response never ends.
        guard !bytes.allSatisfy({ $0 == 0x0D || $0 == 0x0A }), let id = sockets.tag(of: socket) else { return }
        disconnect(id, reason: .unexpectedData, sockets)
    }

    /// The kernel has everything that was sent.
    func socketDrained(_ socket: SocketHandle, sockets: Connections) {
        guard let id = sockets.tag(of: socket) else { return }
        if let session = sessions[tag: id] { return sessions.drained.append(session) }
        guard let topic = viewer(id)?.first.topic else { return }
        feed(id, sockets)
        disconnectLost(of: topic, sockets)
    }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Connections) {
        guard !SessionTable.isTag(tag) else { return socketClosed(socket, sessions[tag: tag], reason, sockets) }
        departed(tag, socket, reason: DisconnectReason(reason))
    }

    func timerFired(_ token: TimerToken, sockets: Connections) {
        switch LoopTimer(rawValue: token.kind) {
        case .heartbeats: tick(sockets)
        case .drain: drain(token.socket, sockets)
        case .flush: wake(TopicID(token.value))
        case .ahead: endLongAhead(in: TopicID(token.value), sockets)
        case .session: sessionTimerFired(UInt32(truncatingIfNeeded: token.value), sockets)
        case nil: break
        }
    }

    func stopping(sockets: Connections) {
        for session in sessions.all { end(session, .shutdown, sockets) }
        sockets.forEach { socket in
            if let id = sockets.tag(of: socket) { disconnect(id, reason: .shutdown, sockets) }
        }
        _ = pass(sockets: sockets)
    }
}

extension FanoutLoop: SocketLoopHandler where Connections == Sockets {
    func received(_ commands: [LoopCommand], sockets: Sockets) {
        for command in commands { received(command, sockets: sockets) }
    }
}
