internal import Wire

/// What a viewer's bytes turned out to be.
enum StreamEvent: Equatable, Sendable {
    /// Comments that arrived in this order; the epoch is a number of the channel's log.
    case comments(ClosedRange<UInt64>, epoch: Int)
    /// A comment's time of sending that the log does not count.
    case unlogged(sent: CommentText.SendTime)
    /// A comment has other bytes here than another viewer got for the same offset.
    case altered(offset: UInt64)
    case connected(Position?)
    /// What could not be recovered ends at this offset of this epoch; where it begins, if that was said.
    case gap(at: UInt64, epoch: Int, from: UInt64?)
    case reconnect(milliseconds: Int?)
    case state
    case heartbeat
    case foreign
}

/// Where one viewer stands in its channel's stream.
///
/// Most bytes are compared with the channel's log, in place (``followsLog``). What differs goes through the parser,
/// frame by frame; only a frame that is cut in two is buffered, and its buffer is given back with its end.
struct EventCursor: Sendable {
    struct Oversized: Error, Equatable {}
    static let frameBytesMax = 1 << 20

    /// The offset of the last id that the stream has set.
    private(set) var offset: UInt64 = 0
    private var epoch: Int32 = -1
    /// Whether the bytes up to `place` are the log's bytes up to `place`.
    private(set) var followsLog = false
    private var place: UInt64 = 0
    /// The beginning of a frame that is still incomplete.
    private var pending: [UInt8] = []

    /// What a client sends as `Last-Event-ID`; `nil` before the first id.
    func position(in log: borrowing ChannelLog) -> Position? {
        epoch < 0 ? nil : Position(offset: offset, epoch: log.epochs[Int(epoch)])
    }

    /// A new connection begins: half a frame of the old one is worthless.
    mutating func reset() {
        pending = []
        followsLog = false
    }

    /// Takes the next bytes of the stream and appends what they are to `events`.
    mutating func receive(
        _ bytes: UnsafeRawBufferPointer, log: inout ChannelLog, into events: inout [StreamEvent]
    ) throws(Oversized) {
        var cursor = 0
        while cursor < bytes.count {
            if followsLog {
                cursor += compare(bytes.part(cursor..<bytes.count), &log, &events)
                if followsLog { return }
            } else if pending.isEmpty, let end = bytes.frameEnd(from: cursor) {
                take(bytes.part(cursor..<end), &log, &events)
                cursor = end
            } else {
                cursor = try buffer(bytes, from: cursor, &log, &events)
            }
        }
    }

    /// The log is about to lose everything before `start`: a viewer who stands there goes on with the parser.
    mutating func leave(before start: UInt64, of log: borrowing ChannelLog) {
        guard followsLog, place < start else { return }
        leave(log)
    }

    private mutating func leave(_ log: borrowing ChannelLog) {
        followsLog = false
        if let frame = log.place(after: offset), frame < place { pending = log.copy(frame..<place) }
    }
}

// MARK: - The log

extension EventCursor {
    /// Compares as much as possible; leaves the log when it ends before the bytes do, or the bytes differ.
    private mutating func compare(
        _ bytes: UnsafeRawBufferPointer, _ log: inout ChannelLog, _ events: inout [StreamEvent]
    ) -> Int {
        let matched = log.matches(bytes, at: place)
        if matched > 0 {
            place += UInt64(matched)
            let reached = log.lastOffset(endingBy: place, from: offset)
            if reached > offset {
                let run = (offset + 1)...reached
                events.append(.comments(run, epoch: Int(epoch)))
                log.arrived(run)
                offset = reached
            }
        }
        if matched < bytes.count { leave(log) }
        return matched
    }

    private mutating func join(_ log: borrowing ChannelLog) {
        guard epoch >= 0, log.epochNumber == Int(epoch), let next = log.place(after: offset) else { return }
        place = next
        followsLog = true
    }
}

// MARK: - The parser

extension EventCursor {
    /// Adds to the buffered frame, up to its end if it comes.
    private mutating func buffer(
        _ bytes: UnsafeRawBufferPointer, from start: Int, _ log: inout ChannelLog, _ events: inout [StreamEvent]
    ) throws(Oversized) -> Int {
        // Only whole lines can end a frame: the end of the line that comes in decides.
        let end = bytes.lineEnd(from: start)
        guard pending.count + end - start <= EventCursor.frameBytesMax else { throw Oversized() }
        pending.append(contentsOf: bytes[start..<end])
        guard pending.endsWithEmptyLine else { return end }
        let frame = pending
        pending = []
        frame.withUnsafeBytes { take($0, &log, &events) }
        return end
    }

    private mutating func take(
        _ frame: UnsafeRawBufferPointer, _ log: inout ChannelLog, _ events: inout [StreamEvent]
    ) {
        guard log.index == nil else { return takePlain(frame, &log, &events) }
        switch EventFrame(frame) {
        case .comment(let offset, let epoch):
            comment(frame, offset: offset, epoch: frame.part(epoch), &log, &events)
        case .connected(let position):
            events.append(.connected(position))
            if let position { move(to: position, &log) }
        case .gap(let position, let from, let to):
            if let position { move(to: position, &log) } else if let to { offset = to }
            let says = position != nil || to != nil
            events.append(says && epoch >= 0 ? .gap(at: offset, epoch: Int(epoch), from: from) : .foreign)
        case .reconnect(let milliseconds): events.append(.reconnect(milliseconds: milliseconds))
        case .state: events.append(.state)
        case .heartbeat: events.append(.heartbeat)
        case .foreign: events.append(.foreign)
        }
        join(log)
    }

    private mutating func move(to position: Position, _ log: inout ChannelLog) {
        var name = position.epoch
        let number = name.withUTF8 { log.number(ofEpoch: UnsafeRawBufferPointer($0)) }
        epoch = number.map(Int32.init) ?? -1
        offset = position.offset
    }

    private mutating func comment(
        _ frame: UnsafeRawBufferPointer, offset: UInt64, epoch name: UnsafeRawBufferPointer, _ log: inout ChannelLog,
        _ events: inout [StreamEvent]
    ) {
        guard let number = log.number(ofEpoch: name) else {
            events.append(.foreign)
            return
        }
        comment(frame, offset: offset, number: number, &log, &events)
    }

    private mutating func comment(
        _ frame: UnsafeRawBufferPointer, offset: UInt64, number: Int, _ log: inout ChannelLog,
        _ events: inout [StreamEvent]
    ) {
        self.offset = offset
        epoch = Int32(number)
        events.append(.comments(offset...offset, epoch: number))
        var isSame = log.note(frame, offset: offset, epoch: number)
        defer { if !isSame { events.append(.altered(offset: offset)) } }
        if log.take(frame, offset: offset, epoch: number) {
            log.arrived(offset...offset)
            isSame = isSame && log.isFrame(frame, at: offset)
        } else if let sent = CommentText.sendTime(in: frame) {
            events.append(.unlogged(sent: sent))
        }
    }
}

// MARK: - Streams whose ids say nothing

extension EventCursor {
    private mutating func takePlain(
        _ frame: UnsafeRawBufferPointer, _ log: inout ChannelLog, _ events: inout [StreamEvent]
    ) {
        if let stamp = CommentText.stamp(in: frame) {
            if let offset = log.index?.offset(of: stamp), let number = EventCursor.plainEpoch(&log) {
                comment(frame, offset: offset, number: number, &log, &events)
            } else {
                events.append(.foreign)
            }
        } else {
            switch EventFrame(frame) {
            case .heartbeat: events.append(.heartbeat)
            case .reconnect(let milliseconds): events.append(.reconnect(milliseconds: milliseconds))
            case .state: events.append(.state)
            // The viewer is connected since the head of the answer.
            case .connected: break
            case .comment, .gap, .foreign: events.append(.foreign)
            }
        }
        join(log)
    }

    private static func plainEpoch(_ log: inout ChannelLog) -> Int? {
        var name = CommentIndex.epoch
        return name.withUTF8 { log.number(ofEpoch: UnsafeRawBufferPointer($0)) }
    }
}
