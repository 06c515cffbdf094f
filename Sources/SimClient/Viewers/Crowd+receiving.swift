internal import Audience
internal import Wire

extension Crowd {
    /// What the loop has to do after bytes came.
    enum Reaction: Equatable {
        case none
        /// Close the connection. The viewer is queued again already, or gave up.
        case close
        /// Close the connection, and let the viewer rest.
        case closeAndRest(milliseconds: Int)
        /// Never read from this connection again.
        case stopReading
    }

    /// Takes what a viewer's connection brought. `microseconds` is the time of day, `second` the loop's.
    mutating func received(
        _ bytes: UnsafeRawBufferPointer, _ member: Int, microseconds: Int64, second: UInt32
    ) -> Reaction {
        let channel = Int(members[member].channel)
        members[member].heardAt = second
        tally.bytesReceived += bytes.count
        events.removeAll(keepingCapacity: true)
        var rest: Int?
        do {
            let head = try members[member].stream.receive(bytes, log: &channels[channel].log, into: &events)
            if let head { rest = answered(head, member) }
            if head?.status == 200, let index = channels[channel].log.index {
                events.insert(.connected(Position(offset: index.last, epoch: CommentIndex.epoch)), at: 0)
            }
        } catch {
            tally.malformed += 1
            return reaction(of: member, rest: ended(member))
        }
        for index in events.indices {
            take(events[index], member, channel, microseconds: microseconds).map { rest = $0 }
        }
        tend(channel, microseconds: microseconds)
        if members[member].stream.hasEnded, rest == nil { rest = ended(member) }
        return reaction(of: member, rest: rest)
    }

    private func reaction(of member: Int, rest: Int?) -> Reaction {
        if let rest { return .closeAndRest(milliseconds: rest) }
        switch members[member].machine.state {
        case .queued, .waiting, .failed: return .close
        case .watching where members[member].isSlow: return .stopReading
        case .connecting, .watching: return .none
        }
    }

    /// One event; the milliseconds of a rest that follows from it.
    private mutating func take(_ event: StreamEvent, _ member: Int, _ channel: Int, microseconds: Int64) -> Int? {
        switch event {
        case .comments(let offsets, let epoch):
            guard !members[member].isSlow else { return nil }
            audit.received(viewer: member, offsets: offsets, epoch: auditEpoch(epoch, channel))
            if !windows.isEmpty { windows[channel].received(offsets) }
            markDirty(channel)
        case .unlogged(let sent): latencies.record(sent, viewers: 1, at: microseconds)
        case .altered: tally.altered += 1
        case .connected(let position):
            connected(member)
            guard !members[member].isSlow else { return nil }
            let place = position ?? Position.beginning
            audit.connected(
                viewer: member, at: place.offset, epoch: audit.epoch(place.epoch, channel: channel))
        case .gap(let offset, let epoch, let from):
            guard !members[member].isSlow else { return nil }
            audit.gap(viewer: member, at: offset, epoch: auditEpoch(epoch, channel), from: from)
        case .reconnect(let milliseconds): return sentAway(member, milliseconds: milliseconds)
        case .state: tally.stateEvents += 1
        case .heartbeat: tally.heartbeats += 1
        case .foreign: tally.foreign += 1
        }
        return nil
    }

    private mutating func auditEpoch(_ number: Int, _ channel: Int) -> AuditEpoch {
        while channels[channel].epochs.count <= number {
            let name = channels[channel].log.epochs[channels[channel].epochs.count]
            channels[channel].epochs.append(audit.epoch(name, channel: channel))
        }
        return channels[channel].epochs[number]
    }
}

// MARK: - Verdict

extension Crowd {
    /// What the audit finds.
    ///
    /// - Parameter written: everything that was written, by channel; `nil` when nobody said.
    mutating func verdict(written: [Int: ChannelComments]?) -> DeliveryCounts {
        var counts = audit.verdict(written: written ?? [:])
        counts.altered = tally.altered
        counts.foreign = tally.foreign
        // Part of what was written is known by other processes only, when these are not led together.
        guard let written, settings.knowsAllWritten else { return counts }
        for (index, channel) in channels.enumerated() {
            let wrong = channel.log.texts.compared(
                with: written[index] ?? ChannelComments(), names: channel.log.epochs)
            counts.altered += wrong.altered
            counts.foreign += wrong.foreign
        }
        return counts
    }
}

// MARK: - Latency

extension Crowd {
    private mutating func markDirty(_ channel: Int) {
        guard !channels[channel].isDirty else { return }
        channels[channel].isDirty = true
        dirtyChannels.append(channel)
    }

    /// Records what arrived since the last call as arrived now.
    mutating func recordArrivals(microseconds: Int64) {
        for channel in dirtyChannels {
            channels[channel].isDirty = false
            recordArrivals(of: channel, microseconds: microseconds)
        }
        dirtyChannels.removeAll(keepingCapacity: true)
    }

    private mutating func recordArrivals(of channel: Int, microseconds: Int64) {
        if !windows.isEmpty {
            let count = windows[channel].takeCompleted()
            completed.append(contentsOf: repeatElement(channels[channel].number, count: count))
        }
        channels[channel].log.takeArrivals { latencies.record($0, viewers: $1, at: microseconds) }
    }

    /// Lets the channel's log drop what it must, after everybody who stands in it has left.
    private mutating func tend(_ channel: Int, microseconds: Int64) {
        let wantsRestart = channels[channel].log.wantsRestart
        guard wantsRestart || channels[channel].log.isFull else { return }
        recordArrivals(of: channel, microseconds: microseconds)
        let start = wantsRestart ? channels[channel].log.end + 1 : channels[channel].log.startAfterDrop
        for member in channels[channel].members {
            members[member].stream.leave(before: start, of: channels[channel].log)
        }
        if wantsRestart { channels[channel].log.restart() } else { channels[channel].log.dropOldest() }
    }
}
