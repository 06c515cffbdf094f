internal import Broker
internal import Wire

/// Names a connect that waits for its channels.
typealias WaiterID = UInt64

/// Whether a loop can take so many bytes of frames now.
typealias Room = (_ loop: Int, _ bytes: Int) -> Bool

/// A query to the broker about one channel.
struct ChannelQuery: Hashable, Sendable {
    let channel: Channel
    /// Of all queries of this Reader: a channel that was unsubscribed and subscribed again ignores older answers.
    let number: UInt64
}

/// Everything that a Reader decides between the broker and its loops: admission, subscriptions, order, repair, recovery.
/// Pure: no lock, task, clock or socket. Every step leaves its ``Action``s, which ``Hub`` performs, and so does the
/// simulation.
///
/// A waiter is what a waiting connect is woken by: a continuation in ``Hub``, something else in tests.
struct ChannelRegistry<Waiter> {
    struct Settings {
        var loops: Int
        /// Connections, and connects that hold a reservation.
        var connectionsMax = Int.max
        var channelsMax = Int.max
        /// A channel without viewers stays subscribed for so long.
        var cooldownNanoseconds: UInt64 = 0
        /// A connect waits for the broker at most so long.
        var subscribeTimeoutNanoseconds: UInt64 = 5_000_000_000
        /// Kinds of channels for which there is a ``StateSource``.
        var stateKinds: Set<Channel.Kind> = []
    }

    /// What is to be done after a step, in this order, before the next step: the order of frames is that of the steps.
    enum Action {
        /// Frames for a loop, which has room for them.
        case deliver([TopicFrame], bytes: Int, loop: Int)
        case attach(Attachment, loop: Int)
        case subscribe(Channel)
        case unsubscribe(Channel)
        /// Read the newest position.
        case readPosition(ChannelQuery)
        /// Read the history after the channel's position.
        case readHistory(ChannelQuery)
        /// Read the current states: a viewer was attached and none is known.
        case readStates(Channel)
        /// Read the history that viewers missed.
        case recover(RecoveryGroup)
        case admit(Waiter)
        case refuse(Waiter, HubRefusal)
    }

    /// A connect that waits until all its channels are acknowledged and positioned.
    struct PendingSubscriber {
        let waiter: Waiter
        let channels: [Channel]
        let deadline: UInt64
        /// Channels that are not ready yet.
        var missing = 0
    }

    let settings: Settings
    var entries: [Channel: ChannelEntry] = [:]
    var isConnected = false
    var isDraining = false
    /// Connections, pending connects and reservations.
    private(set) var places = 0
    private(set) var pendingSubscribers: [WaiterID: PendingSubscriber] = [:]
    var actions: [Action] = []
    /// Channels of which messages were dropped unread.
    var suspects: Set<Channel> = []
    var lastQuery: UInt64 = 0
    private var outgoing: [[TopicFrame]]
    private var outgoingBytes: [Int]
    /// Channels whose subscription or number of viewers changed since ``takeChanges()``.
    private var changed: Set<Channel> = []
    /// Channels whose viewers were touched since ``takeTouched()``; `nil` until somebody asks.
    private var touched: Set<Channel>?
    private var channelByTopic: [Channel?] = []
    private var freeTopics: [TopicID] = []
    /// Channels that nobody refers to, since when.
    private var idle: [Channel: UInt64] = [:]
    private var recoveries = RecoveryQueue()
    /// Viewers whose place is another Reader.
    private var displaced = 0
    private var lastWaiter: WaiterID = 0
    private var lastRecovery: RecoveryID = 0
    private var nextLoop = 0

    init(settings: Settings) {
        self.settings = settings
        outgoing = Array(repeating: [], count: settings.loops)
        outgoingBytes = Array(repeating: 0, count: settings.loops)
    }

    /// Whether a connect would be refused.
    var isClosed: Bool { isDraining || places >= settings.connectionsMax }

    // MARK: Actions

    /// What the steps since the last call ask for.
    mutating func takeActions() -> [Action] {
        var taken: [Action] = []
        for loop in outgoing.indices where !outgoing[loop].isEmpty {
            taken.append(.deliver(outgoing[loop], bytes: outgoingBytes[loop], loop: loop))
            outgoing[loop] = []
            outgoingBytes[loop] = 0
        }
        if !actions.isEmpty {
            taken += actions
            actions = []
        }
        return taken
    }

    /// A frame for every loop that has viewers of the channel.
    mutating func deliver(_ frame: Frame, at index: Dictionary<Channel, ChannelEntry>.Index) {
        let topic = entries.values[index].topic
        for loop in outgoing.indices where entries.values[index].viewersByLoop[loop] > 0 {
            outgoing[loop].append(TopicFrame(topic: topic, frame: frame))
            outgoingBytes[loop] += frame.bytes.count
        }
    }

    // MARK: Connects

    /// A connect wants the channels. It is admitted when all are ready, or refused; until then it is pending.
    ///
    /// Whoever was admitted holds a place, and a reference to each channel, until ``attach(_:descriptor:from:hello:retryMilliseconds:isDisplaced:)``
    /// or ``release(_:now:)``.
    mutating func join(_ channels: [Channel], waiter: Waiter, now: UInt64) {
        let unknown = channels.count { entries[$0] == nil }
        let refusal: HubRefusal? =
            if isDraining {
                .draining
            } else if places >= settings.connectionsMax {
                .tooManyConnections
            } else if !isConnected {
                .brokerUnavailable
            } else if unknown > settings.channelsMax - entries.count {
                .tooManyChannels
            } else { nil }
        if let refusal { return actions.append(.refuse(waiter, refusal)) }
        places += 1
        lastWaiter += 1
        var pending = PendingSubscriber(
            waiter: waiter, channels: channels, deadline: now + settings.subscribeTimeoutNanoseconds)
        for channel in channels where !refer(to: channel, lastWaiter) { pending.missing += 1 }
        if pending.missing == 0 { actions.append(.admit(waiter)) } else { pendingSubscribers[lastWaiter] = pending }
    }

    /// Subscribes if nobody has yet. `false`: the channel is not ready, and the waiter stands in its list.
    private mutating func refer(to channel: Channel, _ waiter: WaiterID) -> Bool {
        if entries[channel] == nil {
            entries[channel] = ChannelEntry(topic: makeTopic(for: channel), loops: settings.loops)
            changed.insert(channel)
            actions.append(.subscribe(channel))
        }
        idle[channel] = nil
        entries[channel]?.references += 1
        if entries[channel]?.isReady == true { return true }
        entries[channel]?.waiters.append(waiter)
        return false
    }

    /// One of the channels that a connect waits for is ready.
    mutating func admit(_ id: WaiterID) {
        guard var pending = pendingSubscribers.removeValue(forKey: id) else { return }
        pending.missing -= 1
        if pending.missing == 0 { actions.append(.admit(pending.waiter)) } else { pendingSubscribers[id] = pending }
    }

    mutating func refusePending(_ refusal: HubRefusal, now: UInt64, where predicate: (PendingSubscriber) -> Bool) {
        let refused = pendingSubscribers.filter { predicate($0.value) }
        for (id, pending) in refused {
            pendingSubscribers[id] = nil
            actions.append(.refuse(pending.waiter, refusal))
            release(pending.channels, now: now)
        }
        for channel in Set(refused.values.flatMap(\.channels)) {
            entries[channel]?.waiters.removeAll { refused[$0] != nil }
        }
    }

    /// An admitted connect came to nothing.
    mutating func release(_ channels: [Channel], now: UInt64) {
        places -= 1
        for channel in channels { dereference(channel, now: now) }
    }

    private mutating func dereference(_ channel: Channel, now: UInt64) {
        entries[channel]?.references -= 1
        if entries[channel]?.references == 0 { idle[channel] = now }
    }

    /// A viewer left a loop, or it refused to take it.
    mutating func departed(_ departure: LoopReport.Departure, loop: Int, now: UInt64) {
        places -= 1
        if departure.isDisplaced { displaced -= 1 }
        for (index, topic) in departure.topics.enumerated() {
            guard let channel = channelByTopic[Int(topic)] else { continue }
            entries[channel]?.viewersByLoop[loop] -= 1
            if departure.isDisplaced, index == 0 { entries[channel]?.displaced -= 1 }
            changed.insert(channel)
            touched?.insert(channel)
            dereference(channel, now: now)
        }
    }

    /// Channels that nobody would have subscribed if every viewer were at its place. A viewer's place is that of its log;
    /// where the states are, that it follows beside it, does not matter.
    var extraSubscriptions: Int { displaced == 0 ? 0 : entries.values.count { $0.isExtra } }

    /// An admitted connect becomes a viewer on a loop. `false` when its channels are gone, which a reservation prevents.
    ///
    /// - Parameter isDisplaced: whether another Reader is its place.
    mutating func attach(
        _ channels: [Channel], descriptor: Int32, from start: StreamStart, hello: [UInt8], retryMilliseconds: Int,
        isDisplaced: Bool = false, isChunked: Bool = true, lease: ViewerLease? = nil,
        subscription: SessionSubscription? = nil
    ) -> Bool {
        let loop = subscription?.session.loop(of: settings.loops) ?? nextLoop
        if subscription == nil { nextLoop = (nextLoop + 1) % settings.loops }
        var topics: [TopicID] = []
        var newest = Position.beginning
        var states: [TopicFrame] = []
        for channel in channels {
            guard let index = entries.index(forKey: channel) else { continue }
            entries.values[index].viewersByLoop[loop] += 1
            changed.insert(channel)
            touched?.insert(channel)
            if topics.isEmpty, isDisplaced { entries.values[index].displaced += 1 }
            let entry = entries.values[index]
            if topics.isEmpty { newest = entry.sequencer.position }
            topics.append(entry.topic)
            if entry.states.isEmpty { readStates(of: channel) }
            states += entry.states.map { TopicFrame(topic: entry.topic, frame: $0) }
        }
        guard !topics.isEmpty else { return false }
        let (position, gap, recoversAfter) = start.resolved(newest: newest)
        var subscription = subscription
        subscription?.position = position
        subscription?.gap = gap
        let opening =
            subscription == nil
            ? StreamStart.opening(hello: hello, position, gap, retryMilliseconds: retryMilliseconds) : []
        var attachment = Attachment(
            descriptor: descriptor, topics: topics, opening: opening, states: states, isDisplaced: isDisplaced,
            isChunked: isChunked, lease: lease, subscription: subscription)
        if isDisplaced { displaced += 1 }
        guard let recoversAfter else {
            actions.append(.attach(attachment, loop: loop))
            return true
        }
        lastRecovery += 1
        attachment.recovery = lastRecovery
        actions.append(.attach(attachment, loop: loop))
        let group = recoveries.add(
            Recovery(
                id: lastRecovery, channel: channels[0], loop: loop, position: recoversAfter, attachedAt: newest))
        if let group { actions.append(.recover(group)) }
        return true
    }

    /// A group of viewers got its history, or was given up.
    mutating func recovered(_ channel: Channel) {
        if let group = recoveries.finished(channel) { actions.append(.recover(group)) }
    }

    /// The current states of a channel are wanted, if somebody knows them.
    mutating func readStates(of channel: Channel) {
        if settings.stateKinds.contains(channel.kind) { actions.append(.readStates(channel)) }
    }

    // MARK: Time

    /// To be called some times a second.
    mutating func tick(now: UInt64) {
        repairSuspects()
        for (channel, since) in idle where now &- since >= settings.cooldownNanoseconds {
            idle[channel] = nil
            guard let entry = entries[channel], entry.references == 0 else { continue }
            entries[channel] = nil
            changed.insert(channel)
            channelByTopic[Int(entry.topic)] = nil
            freeTopics.append(entry.topic)
            actions.append(.unsubscribe(channel))
        }
        refusePending(.brokerUnavailable, now: now) { $0.deadline <= now }
    }

    /// The Reader stops: nobody is admitted any more.
    mutating func stop(now: UInt64) {
        isDraining = true
        refusePending(.draining, now: now) { _ in true }
    }

    // MARK: Reports

    /// Channels that changed, with their viewers; `nil` viewers: no longer subscribed.
    mutating func takeChanges() -> [Channel: Int?] {
        defer { changed = [] }
        return Dictionary(uniqueKeysWithValues: changed.map { ($0, entries[$0]?.viewers) })
    }

    /// Channels that viewers came to or left, or whose states were forgotten, with their viewers; all of them at first.
    mutating func takeTouched() -> [Channel: Int?] {
        defer { touched = [] }
        guard let touched else { return entries.mapValues(\.viewers) }
        return Dictionary(uniqueKeysWithValues: touched.map { ($0, entries[$0]?.viewers) })
    }

    /// Viewers have to be told their number anew.
    mutating func touch(_ channel: Channel) { touched?.insert(channel) }

    private mutating func makeTopic(for channel: Channel) -> TopicID {
        if let topic = freeTopics.popLast() {
            channelByTopic[Int(topic)] = channel
            return topic
        }
        channelByTopic.append(channel)
        return TopicID(channelByTopic.count - 1)
    }
}

extension ChannelRegistry.Action: Equatable where Waiter: Equatable {}
extension ChannelRegistry.Action: Sendable where Waiter: Sendable {}

/// Where a viewer's stream starts.
public enum StreamStart: Equatable, Sendable {
    /// The viewer named no position.
    case now
    /// After the event with this id, if it can be understood.
    case after(String)

    /// Where a viewer of a channel that is at `newest` stands, the gap that it has to be told of at once, and the position
    /// after which it has missed events.
    func resolved(newest: Position) -> (position: Position, gap: Frame?, recoversAfter: Position?) {
        guard case .after(let text) = self else { return (newest, nil, nil) }
        guard let position = Position(parsing: text) else {
            return (newest, Gap(reason: .unknownPosition, at: newest).frame, nil)
        }
        return (position, nil, position == newest ? nil : position)
    }

    /// The first chunk of a stream.
    ///
    /// The id of `connected` is where the viewer was: if the connection breaks right after it, it recovers from there.
    /// Its `retry:` takes the place of what another Reader may have told the client.
    static func opening(hello: [UInt8], _ position: Position, _ gap: Frame?, retryMilliseconds: Int) -> [UInt8] {
        let connected = Frame(
            EventStream.frame(data: hello, id: position, retryMilliseconds: retryMilliseconds), kind: .notice(position))
        return Chunk.joining([connected] + (gap.map { [$0] } ?? []))
    }
}
