internal import SocketIO
internal import SocketLoop
internal import Wire

/// Sessions of Socket.IO on the loop of the streams: the same rings, the same limits, other bytes.
extension FanoutLoop {
    func received(_ command: SessionCommand, for id: SessionID, _ sockets: Connections) {
        switch command {
        case .open(let sid, let lease, let reply):
            let session = makeSession(id, .polling, lease, sockets)
            let opening = EngineIOSession.opening(sid: sid, .polling, settings.sessions)
            reply.give(.success(EngineIOPayload.answer([opening])))
            schedule(session, sockets)
        case .adopt(let sid, let descriptor, let head, let lease):
            let session = makeSession(id, .websocket, lease, sockets)
            let tag = SessionTable.tag(of: session.index)
            guard let socket = sockets.adopt(descriptor: descriptor, tag: tag) else {
                return end(session, .refused, sockets)
            }
            session.socket = socket
            sockets.send(head + EngineIOSession.opening(sid: sid, .websocket, settings.sessions), to: socket)
            schedule(session, sockets)
        case .poll(let reply): poll(id, reply, sockets)
        case .abandonPoll:
            if let session = sessions[id] { perform(session.engine.pollAborted(), session, sockets) }
        case .post(let body, let reply): post(body, id, reply, sockets)
        case .mayProbe(let reply):
            guard let session = sessions[id] else { return reply.give(.failure(.unknownSession)) }
            do throws(EngineIOError) {
                try session.engine.probed(now: sockets.now, settings.sessions)
                reply.give(.success([]))
                schedule(session, sockets)
            } catch { reply.give(.failure(error)) }
        case .probe(let descriptor, let head): probe(id, descriptor, head, sockets)
        case .send(let frames): if let session = sessions[id] { send(frames, toSession: session.index, sockets) }
        case .accept(let namespace, let frames, let lease):
            guard let session = sessions[id], session.connection.accept(namespace) else { return }
            session.joined()
            session.lease = lease
            send(frames, toSession: session.index, sockets)
        case .refuse(let namespace, let frames):
            guard let session = sessions[id] else { return }
            session.connection.refuse(namespace)
            send(frames, toSession: session.index, sockets)
        case .unsubscribe(let channels): unsubscribe(channels, id)
        case .close(let reason): if let session = sessions[id] { end(session, reason, sockets) }
        }
    }

    private func makeSession(
        _ id: SessionID, _ transport: EngineIOSession.Transport, _ lease: ViewerLease?, _ sockets: Connections
    ) -> Session {
        let session = Session(
            id, index: sessions.nextIndex, EngineIOSession(transport, now: sockets.now, settings.sessions),
            messageBytesMax: settings.sessions.maxPayload, connectBy: sockets.now + settings.connectNanoseconds)
        session.lease = lease
        if retryMillisecondsMax > 0 { session.drain(at: sockets.now) }
        sessions.insert(session)
        startTicks(sockets)
        return session
    }

    // MARK: Polling

    private func poll(_ id: SessionID, _ reply: SessionReply, _ sockets: Connections) {
        guard let session = sessions[id] else { return reply.give(.failure(.unknownSession)) }
        do throws(EngineIOError) {
            let actions = try session.engine.polled()
            session.reply = reply
            perform(actions, session, sockets)
            schedule(session, sockets)
        } catch {
            reply.give(.failure(error))
            // Two polls at a time end the session; one of a session with a WebSocket does not.
            if session.reply != nil { perform(session.engine.close(.violation), session, sockets) }
        }
    }

    private func post(_ body: [UInt8], _ id: SessionID, _ reply: SessionReply, _ sockets: Connections) {
        guard let session = sessions[id] else { return reply.give(.failure(.unknownSession)) }
        do throws(EngineIOError) {
            let actions = try session.engine.posted(body, now: sockets.now, settings.sessions)
            reply.give(.success(Array("ok".utf8)))
            perform(actions, session, sockets)
            schedule(session, sockets)
        } catch {
            reply.give(.failure(error))
            if session.engine.phase != .websocket { end(session, .protocolError, sockets) }
        }
    }

    // MARK: WebSocket

    private func probe(_ id: SessionID, _ descriptor: Int32, _ head: [UInt8], _ sockets: Connections) {
        guard let session = sessions[id], case .probing = session.engine.phase, session.probe == nil else {
            return Descriptor.discard(descriptor)
        }
        guard let socket = sockets.adopt(descriptor: descriptor, tag: SessionTable.tag(of: session.index)) else {
            return session.engine.probeEnded()
        }
        session.probe = Session.Probe(
            socket: socket, decoder: WebSocketDecoder(messageBytesMax: settings.sessions.maxPayload))
        sockets.send(head, to: socket)
    }

    func received(
        _ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, _ session: Session, _ sockets: Connections
    ) {
        session.append(bytes, from: socket)
        do throws(WebSocketDecoder.Violation) {
            while let message = try session.nextMessage(of: socket) {
                received(message, from: socket, session, sockets)
                guard sockets.tag(of: socket) != nil else { return }
            }
        } catch {
            sockets.send(WebSocketFrame.close(error.code), to: socket)
            guard session.socket == socket else { return endProbe(session, sockets) }
            sockets.close(socket)
            session.socket = nil
            perform(session.engine.close(.violation), session, sockets)
        }
        schedule(session, sockets)
    }

    private func received(
        _ message: WebSocketDecoder.Message, from socket: SocketHandle, _ session: Session, _ sockets: Connections
    ) {
        let packet: EngineIOPacket?
        switch message {
        case .text(let text): packet = EngineIOPacket(text: text)
        case .binary(let bytes): packet = .binary(bytes)
        case .ping(let data):
            var pong: [UInt8] = []
            WebSocketFrame.append(.pong, data, to: &pong)
            sockets.send(pong, to: socket)
            return
        case .pong: return
        case .close: packet = .close
        }
        let now = sockets.now
        let actions: [EngineIOSession.Action]
        if session.socket == socket {
            actions =
                packet.map { session.engine.received($0, now: now, settings.sessions) }
                ?? session.engine.close(.violation)
        } else {
            actions = session.engine.probeReceived(packet ?? .noop, now: now, settings.sessions)
        }
        perform(actions, session, sockets)
    }

    /// A socket of a session is gone.
    func socketClosed(_ socket: SocketHandle, _ session: Session?, _ reason: CloseReason, _ sockets: Connections) {
        guard let session else { return }
        if session.socket == socket {
            session.socket = nil
            end(session, DisconnectReason(reason), sockets)
        } else if session.probe?.socket == socket {
            session.probe = nil
            session.engine.probeEnded()
        }
    }

    private func endProbe(_ session: Session, _ sockets: Connections) {
        if let probe = session.probe { sockets.close(probe.socket) }
        session.probe = nil
        session.engine.probeEnded()
    }

    // MARK: Actions

    func perform(_ actions: [EngineIOSession.Action], _ session: Session, _ sockets: Connections) {
        for action in actions {
            switch action {
            case .answer(let body):
                session.reply?.give(.success(body))
                session.reply = nil
                sessions.drained.append(session)
            case .write(let frames): if let socket = session.socket { sockets.send(frames, to: socket) }
            case .writeProbe(let frames): if let probe = session.probe { sockets.send(frames, to: probe.socket) }
            case .closeProbe: endProbe(session, sockets)
            case .upgraded:
                guard let probe = session.probe else { continue }
                (session.socket, session.decoder, session.probe) = (probe.socket, probe.decoder, nil)
                for id in session.viewers { setSocket(probe.socket, of: id) }
                report.upgrades += 1
                sessions.drained.append(session)
            case .received(let packet): received(packet, session, sockets)
            case .closed(let ending): end(session, DisconnectReason(ending), sockets)
            }
        }
    }

    private func received(_ packet: EngineIOPacket, _ session: Session, _ sockets: Connections) {
        guard !session.engine.isClosed else { return }
        do throws(SocketIOPacket.Malformed) {
            let bytesMax = settings.sessions.maxPayload
            guard let input = try session.connection.received(packet, bytesMax: bytesMax) else { return }
            if input == .disconnect(namespace: "/") { unsubscribeAll(session, .clientClosed) }
            guard sessionHandler?.received(input, from: session.id) ?? true else {
                return end(session, .tooManyEvents, sockets)
            }
        } catch {
            perform(session.engine.close(.violation), session, sockets)
        }
    }

    /// Frames for a session, which may be in the middle of a slice of writes. `false` when it is over.
    @discardableResult
    func send(_ frames: [UInt8], toSession index: UInt32, _ sockets: Connections) -> Bool {
        guard let session = sessions[index] else { return false }
        if let socket = session.socket { return sockets.send(frames, to: socket) != .closed }
        // Its next poll finds the server closed: this answer is its last, and says so.
        let isLast = session.isDraining && session.engine.isPolled && session.connection.hasJoined("/")
        let actions = session.engine.send(isLast ? frames + drainEvent : frames, settings.sessions)
        if isLast { sessions.ending.append((session, .drained)) }
        guard !session.engine.isClosed else {
            sessions.ending.append((session, .slowConsumer))
            return false
        }
        perform(actions, session, sockets)
        return true
    }

    /// What has to wait until no slice of writes is under way.
    func workOffSessions(_ sockets: Connections) {
        guard !sessions.ending.isEmpty || !sessions.drained.isEmpty else { return }
        for (session, reason) in sessions.ending { end(session, reason, sockets) }
        sessions.ending = []
        let drained = sessions.drained
        sessions.drained = []
        guard !recoveryMemory.isEmpty else { return }
        for session in drained {
            for id in session.viewers {
                feed(id, sockets)
                guard let topic = viewer(id)?.first.topic else { continue }
                disconnectLost(of: topic, sockets)
            }
        }
    }

    // MARK: Time

    /// Deadlines fall on common ticks, so that many sessions cost one wake-up.
    func schedule(_ session: Session, _ sockets: Connections) {
        guard !session.engine.isClosed else { return }
        let tick = max(settings.sessions.pingInterval / 256, 1)
        let due = (session.deadline + tick - 1) / tick * tick
        guard due < session.timerAt || session.timerAt <= sockets.now else { return }
        session.timerAt = due
        sockets.schedule(TimerToken(kind: LoopTimer.session.rawValue, value: UInt64(session.index)), at: due)
    }

    func sessionTimerFired(_ index: UInt32, _ sockets: Connections) {
        guard let session = sessions[index] else { return }
        let now = sockets.now
        if now >= session.timerAt { session.timerAt = .max }
        if now >= session.endsAt {
            guard session.isDraining else { return end(session, .connectTimeout, sockets) }
            return end(session, telling: drainEvent, .drained, sockets)
        }
        perform(session.engine.tick(now: now, settings.sessions), session, sockets)
        schedule(session, sockets)
    }

    func drainSessions(over span: UInt64, _ sockets: Connections) {
        for session in sessions.all {
            session.drain(at: sockets.now + random.next() % span)
            schedule(session, sockets)
        }
    }

    func endSessionLeases(_ sockets: Connections) {
        for session in sessions.all {
            guard let reason = session.lease?.ending() else { continue }
            end(session, telling: reconnect(telling: reason, settings.retryMillisecondsMax), .tokenEnded, sockets)
        }
    }

    // MARK: The end

    /// Sends a client its last event, and ends its session.
    private func end(_ session: Session, telling event: [UInt8], _ reason: DisconnectReason, _ sockets: Connections) {
        if session.connection.hasJoined("/") {
            // It says so itself.
            session.drained()
            send(event, toSession: session.index, sockets)
        }
        end(session, reason, sockets)
    }

    private var drainEvent: [UInt8] {
        reconnect(telling: HubRefusal.draining.rawValue, max(retryMillisecondsMax, 1))
    }

    /// The last event of a client.
    private func reconnect(telling code: String, _ retryMillisecondsMax: Int) -> [UInt8] {
        var data = JSONText(capacity: 64)
        data.member("reason", code)
        data.member("retry", RetryTime.milliseconds(max: retryMillisecondsMax, draw: random.next()))
        return SocketIOPacket(event: "reconnect", [data.finished()]).frames
    }

    /// Ends a session with everything that it carries. Not to be called in the middle of a slice of writes.
    func end(_ session: Session, _ reason: DisconnectReason, _ sockets: Connections) {
        guard sessions[session.id] === session else { return }
        sessions.remove(session)
        for action in session.engine.close(.client) {
            if case .answer(let body) = action { session.reply?.give(.success(body)) }
        }
        session.reply = nil
        for socket in [session.socket, session.probe?.socket].compactMap(\.self) {
            sockets.send(WebSocketFrame.close(WebSocketCloseCode(reason)), to: socket)
            sockets.close(socket)
        }
        (session.socket, session.probe) = (nil, nil)
        unsubscribeAll(session, reason)
        session.lease = nil
        report.endings.append(reason)
        sessionHandler?.ended(session.id)
    }
}

extension WebSocketCloseCode {
    fileprivate init(_ reason: DisconnectReason) {
        switch reason {
        case .shutdown, .drained: self = .goingAway
        case .protocolError: self = .protocolError
        case .tooManyEvents, .connectTimeout, .pingTimeout: self = .policyViolation
        default: self = .normal
        }
    }
}

extension DisconnectReason {
    fileprivate init(_ ending: EngineIOSession.Ending) {
        switch ending {
        case .client: self = .clientClosed
        case .pingTimeout: self = .pingTimeout
        case .violation: self = .protocolError
        case .slowConsumer: self = .slowConsumer
        }
    }
}
