internal import Primitives
internal import SocketIO
internal import SocketLoop
internal import Wire

/// Subscriptions of sessions of Socket.IO: each is a viewer in the rings of its channels, as a stream is.
extension FanoutLoop {
    /// A session becomes a viewer.
    func subscribe(_ subscription: SessionSubscription, _ attachment: Attachment, _ sockets: Connections) {
        guard let session = sessions[subscription.session], session.connection.hasJoined("/") else {
            report.departures.append(.init(attachment, reason: .refused))
            return
        }
        let isRecovering = attachment.recovery != nil
        let id = add(
            session.socket ?? SocketHandle.none, topics: attachment.topics, isRecovering: isRecovering,
            session: session.index, sockets)
        for (topicID, channel) in zip(attachment.topics, subscription.channels) where topic(topicID).tail.bytes.isEmpty
        {
            topic(topicID).tail = ChannelTail(channel)
        }
        note(attachment, id)
        session.viewers.append(id)
        if isRecovering {
            unacknowledged[id] = subscription
        } else {
            acknowledge(subscription, hasGap: subscription.gap != nil, session, sockets)
            if let gap = subscription.gap {
                let tail = topic(attachment.topics[0]).tail
                send(EventPacket.joining([gap], of: tail), toSession: session.index, sockets)
            }
        }
        for topicID in attachment.topics {
            let topic = topic(topicID)
            let states = topic.latestStates
            if !states.isEmpty {
                send(EventPacket.joining(states, of: topic.tail), toSession: session.index, sockets)
            }
        }
    }

    private func acknowledge(
        _ subscription: SessionSubscription, hasGap: Bool, _ session: Session, _ sockets: Connections
    ) {
        guard let frames = subscription.acknowledgement(hasGap: hasGap) else { return }
        send(frames, toSession: session.index, sockets)
    }

    /// The history of a recovering viewer was read, so it is known what its subscription brings.
    func acknowledgeRecovery(of id: ViewerID, _ missed: MissedFrames, _ sockets: Connections) {
        guard let subscription = unacknowledged.removeValue(forKey: id), let index = viewer(id)?.session,
            let session = sessions[index]
        else { return }
        let hasGap = missed.frames.contains { if case .notice = $0.kind { true } else { false } }
        acknowledge(subscription, hasGap: hasGap, session, sockets)
    }

    func unsubscribe(_ channels: [Channel], _ id: SessionID) {
        let tails = channels.map { ChannelTail($0) }
        guard let session = sessions[id],
            let place = session.viewers.firstIndex(where: { viewer($0)?.topics.map { topic($0).tail } == tails })
        else { return }
        departed(session.viewers.remove(at: place), reason: .clientClosed)
    }

    func unsubscribeAll(_ session: Session, _ reason: DisconnectReason) {
        for id in session.viewers { departed(id, reason: reason) }
        session.viewers = SmallList()
    }
}
