internal import Audience
internal import Primitives
internal import Wire

/// The viewers of one shard as the audit sees them: what each has got of its channel's comments.
struct CommentFeed: ViewerFeed {
    struct Settings: Sendable {
        var audience: Audience
        var shard = Shard.whole
        var slow: Set<Int> = []
        var streamProtocol = StreamProtocol.chorus
        /// Told, in a closed loop, the channel's number for each comment that all of its viewers have.
        var completed: (@Sendable ([Int]) -> Void)?
        /// Whether everything that is written to these channels is known at the end: what nobody wrote is then found.
        var knowsAllWritten = true
        /// Is told of every viewer that comes or goes.
        var recorder: TraceRecorder?
        /// Bytes of all channels' logs together.
        var logBytesMax = 64 << 20
    }

    struct Snapshot: Sendable {
        var delivered = 0
        var reconnects = 0
        /// Viewers that have not yet reached the positions that are expected; `nil` while none are.
        var short: Int?
        /// Connected viewers that have not reached the positions that are sought.
        var behind = 0
        /// Everybody who reads was connected and had all that was acknowledged until this time, µs since 1970; 0: never.
        var wholeThrough: Int64 = 0
    }

    /// What the viewers got, at the end.
    struct Outcome: Sendable {
        var counts: DeliveryCounts
        var latency: LatencyHistogram
        var latencyFromDue: LatencyHistogram
    }

    /// How long deliveries took, since their comment was sent and since it was due.
    private struct Latencies {
        var sinceSent = LatencyHistogram()
        var sinceDue = LatencyHistogram()
        /// What is not yet part of ``sinceDue``.
        private var recent = LatencyHistogram()
        /// Comments sent before this time (µs since 1970) are delivered and audited, but not recorded: warm-up.
        var measuredFrom = Int64.min
        /// Of the stages that are over.
        var before = LatencyHistogram()

        var allSinceDue: LatencyHistogram {
            var all = before
            all.merge(sinceDue)
            return all
        }

        /// - Parameter now: µs since 1970.
        mutating func record(_ sent: CommentText.SendTime, viewers: Int, at now: Int64) {
            guard sent.at >= measuredFrom else { return }
            sinceSent.record(microseconds: now - sent.at, count: UInt64(viewers))
            recent.record(microseconds: now - sent.at + sent.late, count: UInt64(viewers))
        }

        /// Since comments were due, of what came since the last call.
        mutating func takeRecent() -> LatencyHistogram {
            let taken = recent
            sinceDue.merge(taken)
            recent = LatencyHistogram()
            return taken
        }
    }

    private struct Viewer {
        /// The number in the audience; those who come later in its place have a `generation` too.
        let number: Int32
        var generation: UInt32 = 0
        /// Index into the feed's channels.
        var channel: Int32
        var cursor = EventCursor()
    }

    /// A channel that somebody here watches.
    private struct Channel {
        /// The number in the audience.
        let number: Int
        var viewers: [Int32]
        var log: ChannelLog
        /// The audit's name for each epoch of the log.
        var epochs: [DeliveryAudit.Epoch] = []
        var isDirty = false
        /// In a closed loop.
        var window: ChannelWindow?
    }

    /// Arrivals are recorded at least this often, so that a long turn does not blur them.
    private static let arrivalMicroseconds: Int64 = 200

    private let settings: Settings
    /// Bytes of one channel's log, where more than one viewer needs it.
    private let logBytesMax: Int
    /// Channels that viewers changed to or from, by their number in the audience.
    private var channelIndices: [Int: Int] = [:]
    private var viewers: [Viewer] = []
    private var channels: [Channel] = []
    private var audit: DeliveryAudit
    private var latencies = Latencies()
    private var altered = 0
    private var foreign = 0
    private var events: [StreamEvent] = []
    private var dirtyChannels: [Int] = []
    private var arrivalsAt: Int64 = 0
    private var completed: [Int] = []
    private var written: [Int: ChannelComments]?
    private var goals: DeliveryAudit.Goals?
    private var sought: (goals: DeliveryAudit.Goals, microseconds: Int64)?
    private var wholeThrough: Int64 = 0

    init(_ settings: Settings) {
        self.settings = settings
        let mine = settings.audience.viewers(of: settings.shard)
        var ranges: [(number: Int, viewers: Range<Int>)] = []
        for (index, viewer) in mine.enumerated() {
            if ranges.last?.number == viewer.channel {
                ranges[ranges.count - 1].viewers = ranges[ranges.count - 1].viewers.lowerBound..<(index + 1)
            } else {
                ranges.append((viewer.channel, index..<(index + 1)))
            }
        }
        audit = DeliveryAudit(
            channelOfViewer: ranges.indices.flatMap { [ranges] in Array(repeating: $0, count: ranges[$0].viewers.count)
            },
            channels: ranges.count)
        let shared = ranges.count { $0.viewers.count > 1 }
        logBytesMax = min(max(settings.logBytesMax / max(shared, 1), 16 << 10), 2 << 20)
        for range in ranges {
            // A channel with one viewer needs no log.
            let log = ChannelLog(
                bytesMax: range.viewers.count > 1 ? logBytesMax : 0, streamProtocol: settings.streamProtocol)
            let readers = range.viewers.count { !settings.slow.contains($0) }
            let window = settings.completed == nil ? nil : ChannelWindow(viewers: readers)
            viewers += range.viewers.map { Viewer(number: Int32(mine[$0].viewer), channel: Int32(channels.count)) }
            channels.append(
                Channel(number: range.number, viewers: range.viewers.map { Int32($0) }, log: log, window: window))
        }
    }
}

// MARK: - Streams

extension CommentFeed {
    mutating func connect(
        _ viewer: Int, to endpoint: Endpoint, target: String?, avoiding avoided: Endpoint?
    ) -> [UInt8] {
        let asked = subscription(of: viewer)
        switch settings.streamProtocol {
        case .chorus:
            return RequestText.connect(
                userid: asked.userid, videoid: asked.videoid, lastEventID: asked.since, to: endpoint, target: target,
                avoiding: avoided)
        case .plain: return RequestText.connectPlainly(userid: asked.userid, videoid: asked.videoid, to: endpoint)
        }
    }

    mutating func subscribe(_ viewer: Int) -> ViewerSubscription? { subscription(of: viewer) }

    private mutating func subscription(of viewer: Int) -> ViewerSubscription {
        viewers[viewer].cursor.reset()
        let channel = channels[Int(viewers[viewer].channel)]
        return ViewerSubscription(
            userid: name(of: viewer), videoid: settings.audience.videoID(ofChannel: channel.number),
            since: viewers[viewer].cursor.position(in: channel.log)?.description)
    }

    mutating func opened(_ viewer: Int) -> FeedSignal {
        let channel = Int(viewers[viewer].channel)
        guard let index = channels[channel].log.index else { return FeedSignal() }
        var signal = FeedSignal()
        take(.connected(Position(offset: index.last, epoch: CommentIndex.epoch)), viewer, channel, 0, &signal)
        return signal
    }

    mutating func received(_ payload: UnsafeRawBufferPointer, _ viewer: Int, at times: FeedTimes) throws -> FeedSignal {
        if times.microseconds - arrivalsAt > CommentFeed.arrivalMicroseconds {
            if arrivalsAt > 0 { recordArrivals(microseconds: times.microseconds) }
            arrivalsAt = times.microseconds
        }
        let channel = Int(viewers[viewer].channel)
        events.removeAll(keepingCapacity: true)
        try viewers[viewer].cursor.receive(payload, log: &channels[channel].log, into: &events)
        var signal = FeedSignal()
        for index in events.indices { take(events[index], viewer, channel, times.microseconds, &signal) }
        tend(channel, microseconds: times.microseconds)
        return signal
    }

    private mutating func take(
        _ event: StreamEvent, _ viewer: Int, _ channel: Int, _ microseconds: Int64, _ signal: inout FeedSignal
    ) {
        switch event {
        case .connected: signal.isConnected = true
        case .reconnect(let milliseconds): signal.sentAway = (milliseconds, true)
        default: break
        }
        if !settings.slow.isEmpty, settings.slow.contains(viewer) { return }
        switch event {
        case .comments(let offsets, let epoch):
            audit.received(viewer: viewer, offsets: offsets, epoch: auditEpoch(epoch, channel))
            channels[channel].window?.received(offsets)
            markDirty(channel)
        case .unlogged(let sent): latencies.record(sent, viewers: 1, at: microseconds)
        case .altered: altered += 1
        case .connected(let position):
            let place = position ?? Position.beginning
            audit.connected(
                viewer: viewer, at: place.offset, epoch: audit.epoch(place.epoch, channel: channel),
                // Offsets that are given in the order of arrival say nothing of the time of sending.
                microseconds: settings.streamProtocol == .chorus ? microseconds : .max)
        case .gap(let offset, let epoch, let from):
            audit.gap(viewer: viewer, at: offset, epoch: auditEpoch(epoch, channel), from: from)
        case .foreign: foreign += 1
        case .reconnect, .state, .heartbeat: break
        }
    }

    private mutating func auditEpoch(_ number: Int, _ channel: Int) -> DeliveryAudit.Epoch {
        while channels[channel].epochs.count <= number {
            let name = channels[channel].log.epochs[channels[channel].epochs.count]
            channels[channel].epochs.append(audit.epoch(name, channel: channel))
        }
        return channels[channel].epochs[number]
    }

    /// Lets the channel's log drop what it must, after everybody who stands in it has left.
    private mutating func tend(_ channel: Int, microseconds: Int64) {
        let wantsRestart = channels[channel].log.wantsRestart
        guard wantsRestart || channels[channel].log.isFull else { return }
        recordArrivals(of: channel, microseconds: microseconds)
        let start = wantsRestart ? channels[channel].log.end + 1 : channels[channel].log.startAfterDrop
        for viewer in channels[channel].viewers {
            viewers[Int(viewer)].cursor.leave(before: start, of: channels[channel].log)
        }
        if wantsRestart { channels[channel].log.restart() } else { channels[channel].log.dropOldest() }
    }
}

// MARK: - Moves

extension CommentFeed {
    mutating func moved(_ viewer: Int, _ action: ViewerMove.Action, at times: FeedTimes) {
        if case .joins = action {} else { note(.leave, viewer, at: times.nanoseconds) }
        switch action {
        case .zaps(let number), .joins(let number?): change(viewer, to: index(ofChannel: number))
        // Somebody else.
        case .replaced: viewers[viewer].generation += 1
        case .joins(nil), .leaves: break
        }
        viewers[viewer].cursor = EventCursor()
        if !settings.slow.contains(viewer) {
            audit.left(viewer: viewer, microseconds: times.microseconds, to: Int(viewers[viewer].channel))
        }
        if action != .leaves { note(.join, viewer, at: times.nanoseconds) }
    }

    /// Tells the recorder who is there from the start.
    func note(present: (Int) -> Bool) {
        for viewer in viewers.indices where present(viewer) { note(.join, viewer, at: 0) }
    }

    private func note(_ action: Trace.Action, _ viewer: Int, at nanoseconds: UInt64) {
        settings.recorder?.note(action, video(viewers[viewer].channel), name(of: viewer), at: nanoseconds)
    }

    private mutating func change(_ viewer: Int, to next: Int) {
        let channel = Int(viewers[viewer].channel)
        guard next != channel else { return }
        channels[channel].viewers.removeAll { $0 == Int32(viewer) }
        channels[next].viewers.append(Int32(viewer))
        if channels[next].viewers.count > 1 { channels[next].log.bytesMax = logBytesMax }
        viewers[viewer].channel = Int32(next)
    }

    private func name(of viewer: Int) -> String {
        let (number, generation) = (Int(viewers[viewer].number), viewers[viewer].generation)
        return settings.audience.userID(ofViewer: number) + (generation > 0 ? ".\(generation)" : "")
    }

    private func video(_ channel: Int32) -> String {
        settings.audience.videoID(ofChannel: channels[Int(channel)].number)
    }

    private mutating func index(ofChannel number: Int) -> Int {
        if channelIndices.isEmpty {
            channelIndices = Dictionary(uniqueKeysWithValues: channels.enumerated().map { ($1.number, $0) })
        }
        if let known = channelIndices[number] { return known }
        let index = audit.addChannel()
        channelIndices[number] = index
        channels.append(Channel(number: number, viewers: [], log: ChannelLog(bytesMax: 0)))
        return index
    }
}

// MARK: - Latency

extension CommentFeed {
    mutating func turned() {
        if !dirtyChannels.isEmpty { recordArrivals(microseconds: WallClock.microseconds()) }
        guard !completed.isEmpty else { return }
        settings.completed?(completed)
        completed.removeAll(keepingCapacity: true)
    }

    /// Latencies since comments were due, of what came since the last call.
    mutating func takeRecent() -> LatencyHistogram {
        turned()
        return latencies.takeRecent()
    }

    /// Latencies since comments were due, of the stage that ends now.
    mutating func takeStage() -> LatencyHistogram {
        _ = takeRecent()
        let stage = latencies.sinceDue
        latencies.before.merge(stage)
        latencies.sinceDue = LatencyHistogram()
        return stage
    }

    private mutating func markDirty(_ channel: Int) {
        guard !channels[channel].isDirty else { return }
        channels[channel].isDirty = true
        dirtyChannels.append(channel)
    }

    /// Records what arrived since the last call as arrived now.
    private mutating func recordArrivals(microseconds: Int64) {
        for channel in dirtyChannels {
            channels[channel].isDirty = false
            recordArrivals(of: channel, microseconds: microseconds)
        }
        dirtyChannels.removeAll(keepingCapacity: true)
    }

    private mutating func recordArrivals(of channel: Int, microseconds: Int64) {
        let count = channels[channel].window?.takeCompleted() ?? 0
        completed.append(contentsOf: repeatElement(channels[channel].number, count: count))
        channels[channel].log.takeArrivals { latencies.record($0, viewers: $1, at: microseconds) }
    }
}

// MARK: - What others want of it

extension CommentFeed {
    /// Latencies are recorded for comments sent from now on.
    mutating func measure(fromMicroseconds time: Int64) { latencies.measuredFrom = time }

    /// What was written, by channel name: every viewer has to get all of it.
    mutating func expect(_ all: [String: ChannelComments]) {
        let ours = ofOurChannels(all)
        written = ours
        goals = audit.goals(ours.mapValues(\.ends))
    }

    /// The positions that were acknowledged until `microseconds`, while publishing goes on. Ignored while the one before
    /// is not reached: otherwise a crowd that is a little behind would never reach any.
    mutating func seek(_ positions: [String: [Position]], microseconds: Int64) {
        if sought == nil { sought = (audit.goals(ofOurChannels(positions)), microseconds) }
    }

    mutating func snapshot(away: Int) -> Snapshot {
        let behind = sought.map { audit.viewersShort(of: $0.goals) } ?? 0
        if let sought, away == 0, behind == 0 {
            wholeThrough = sought.microseconds
            self.sought = nil
        }
        let counts = audit.counted
        return Snapshot(
            delivered: counts.delivered, reconnects: counts.reconnects, short: goals.map { audit.viewersShort(of: $0) },
            behind: behind, wholeThrough: wholeThrough)
    }

    /// By the feed's own numbers of channels.
    private func ofOurChannels<Value>(_ values: [String: Value]) -> [Int: Value] {
        var ours: [Int: Value] = [:]
        for (index, channel) in channels.enumerated() {
            ours[index] = values[settings.audience.channelName(channel.number)]
        }
        return ours
    }

    /// - Parameter graceSeconds: viewers that left are owed what was sent so long before.
    mutating func outcome(graceSeconds: Double) -> Outcome {
        _ = takeRecent()
        var counts = audit.verdict(written: written ?? [:], graceMicroseconds: Int64(graceSeconds * 1e6))
        counts.altered = altered
        counts.foreign = foreign
        // Part of what was written is known by other processes only, when these are not led together.
        if let written, settings.knowsAllWritten {
            for (index, channel) in channels.enumerated() {
                let wrong = channel.log.texts.compared(
                    with: written[index] ?? ChannelComments(), names: channel.log.epochs)
                counts.altered += wrong.altered
                counts.foreign += wrong.foreign
            }
        }
        return Outcome(counts: counts, latency: latencies.sinceSent, latencyFromDue: latencies.allSinceDue)
    }
}
