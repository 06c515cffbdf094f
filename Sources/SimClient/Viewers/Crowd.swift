internal import Audience
internal import DequeModule
internal import Placement
internal import SocketLoop
internal import Wire

typealias AuditEpoch = DeliveryAudit.Epoch

/// The viewers of one shard: their ways to the Readers, their streams, the audit. No sockets and no clocks: a loop tells
/// what happened, and does what is answered.
struct Crowd: Sendable {
    let settings: CrowdSettings
    var directory: ServerDirectory
    var members: [VirtualUser]
    var channels: [CrowdChannel]
    var audit: DeliveryAudit
    var latencies = DeliveryLatencies()
    var tally = CrowdTally()
    private var queue: Deque<Int32> = []
    private var connecting = 0
    private var draws: Xoshiro256
    /// Which Reader is asked: what chance does to real viewers, and so no part of the audience's seed.
    private var serverDraws: Xoshiro256
    var events: [StreamEvent] = []
    var dirtyChannels: [Int] = []
    /// One a channel in a closed loop, else empty.
    var windows: [ChannelWindow] = []
    /// The number of a channel for each comment that all of its viewers have, since they were taken.
    var completed: [Int] = []

    init(_ settings: CrowdSettings) {
        self.settings = settings
        directory = settings.readers
        draws = Xoshiro256(seed: settings.audience.seed, purpose: "viewers \(settings.shard)")
        serverDraws = Xoshiro256(seed: settings.connectSeed, purpose: "servers")
        let viewers = settings.audience.viewers(of: settings.shard)
        channels = Crowd.makeChannels(viewers.map(\.channel), settings)
        audit = DeliveryAudit(
            channelOfViewer: channels.indices.flatMap { [channels] in
                Array(repeating: $0, count: channels[$0].members.count)
            },
            channels: channels.count)
        members = []
        members.reserveCapacity(viewers.count)
        for (index, channel) in channels.enumerated() {
            for position in channel.members {
                members.append(makeUser(viewers[position].viewer, channel: index))
            }
        }
        guard settings.reportsCompletion else { return }
        windows = channels.map { [members] channel in
            ChannelWindow(viewers: members[channel.members].count { !$0.isSlow })
        }
    }

    /// The channels of viewers that come channel by channel. A channel with one viewer needs no log.
    private static func makeChannels(_ numbers: [Int], _ settings: CrowdSettings) -> [CrowdChannel] {
        var ranges: [(number: Int, members: Range<Int>)] = []
        for (index, number) in numbers.enumerated() {
            if ranges.last?.number == number {
                ranges[ranges.count - 1].members = ranges[ranges.count - 1].members.lowerBound..<(index + 1)
            } else {
                ranges.append((number, index..<(index + 1)))
            }
        }
        let shared = ranges.count { $0.members.count > 1 }
        let bytesMax = min(max(settings.logBytesMax / max(shared, 1), 16 << 10), 2 << 20)
        return ranges.map {
            CrowdChannel(
                number: $0.number, members: $0.members,
                log: ChannelLog(
                    bytesMax: $0.members.count > 1 ? bytesMax : 0, streamProtocol: settings.streamProtocol))
        }
    }

    private mutating func makeUser(_ viewer: Int, channel: Int) -> VirtualUser {
        VirtualUser(
            viewer: Int32(viewer), channel: Int32(channel),
            isSlow: settings.slowShare > 0 && draws.unit() < settings.slowShare,
            server: Int32(serverDraws.below(settings.readers.servers.count)))
    }
}

// MARK: - Connecting

extension Crowd {
    /// Viewers that are on their way: queued, connecting or waiting.
    var unsettled: Int { members.count - tally.watching - tally.failed }

    mutating func start() {
        var order = Array(members.indices.map(Int32.init))
        draws.permute(&order)
        queue = Deque(order)
    }

    /// The next viewer that may connect; `nil` when none waits, or enough are on their way.
    mutating func nextToConnect(second: UInt32) -> Int? {
        guard connecting < settings.connectsInProgressMax, let next = queue.popFirst() else { return nil }
        let member = Int(next)
        connecting += 1
        tally.attempts += 1
        tally.connectingMost = max(tally.connectingMost, connecting)
        members[member].machine.admitted()
        members[member].stream.reset()
        members[member].heardAt = second
        return member
    }

    func server(of member: Int) -> ServerDirectory.Server { directory[Int(members[member].server)] }

    func request(of member: Int) -> [UInt8] {
        let state = members[member]
        let channel = channels[Int(state.channel)]
        let userid = settings.audience.userID(ofViewer: Int(state.viewer))
        let videoid = settings.audience.videoID(ofChannel: channel.number)
        let endpoint = server(of: member).endpoint
        switch settings.streamProtocol {
        case .chorus:
            let last = state.stream.lastEventID(in: channel.log)
            return RequestText.connect(
                userid: userid, videoid: videoid, lastEventID: last, to: endpoint, target: state.target)
        case .plain: return RequestText.connectPlainly(userid: userid, videoid: videoid, to: endpoint)
        }
    }

    /// The connection ended or could not be made. The answer says after how many milliseconds the viewer rests, `nil`
    /// when it does not.
    mutating func ended(_ member: Int) -> Int? {
        let state = members[member].machine.state
        // A Reader that broke may be away: the next attempt goes to another; a follower tries its own once more.
        if state == .connecting || state == .watching && settings.placement == .random { drawOtherServer(member) }
        return act(members[member].machine.ended(limits: settings.limits, draw: draws.unit()), on: member, after: state)
    }

    mutating func rested(_ member: Int) {
        if members[member].machine.rested() == .queue { queue.append(Int32(member)) }
    }

    mutating func answered(_ head: ResponseHead, _ member: Int) -> Int? {
        switch head.status {
        case 200: break
        case 307, 308: tally.redirects += 1
        case 503: tally.refusals += 1
        default: tally.rejections += 1
        }
        let state = members[member].machine.state
        // It drains, is full or has lost Redis; another may not.
        if head.status == 503 { drawOtherServer(member) }
        let step = members[member].machine.answered(head, limits: settings.limits, draw: draws.unit())
        return act(step, on: member, after: state)
    }

    mutating func sentAway(_ member: Int, milliseconds: Int?) -> Int? {
        let state = members[member].machine.state
        let step = members[member].machine.sentAway(
            milliseconds: milliseconds, limits: settings.limits, draw: draws.unit())
        drawOtherServer(member)
        return act(step, on: member, after: state)
    }

    mutating func connected(_ member: Int) {
        guard members[member].machine.state == .connecting else { return }
        connecting -= 1
        tally.watching += 1
        tally.connects += 1
        if !members[member].machine.hasWatched { tally.connectedOnce += 1 }
        members[member].machine.connected()
    }

    /// One of the Readers of the settings, but not the present one while there is a choice.
    private mutating func drawOtherServer(_ member: Int) {
        let count = settings.readers.servers.count
        let present = Int(members[member].server)
        guard count > 1, present < count else { return members[member].server = Int32(serverDraws.below(count)) }
        let other = serverDraws.below(count - 1)
        members[member].server = Int32(other < present ? other : other + 1)
    }

    /// Keeps the counts in step with a machine that left `before`.
    private mutating func act(_ step: ViewerMachine.Step, on member: Int, after before: ViewerMachine.State) -> Int? {
        if step == .stay { return nil }
        members[member].target = nil
        if before == .connecting { connecting -= 1 }
        if before == .watching {
            tally.watching -= 1
            tally.disconnects += 1
        }
        switch step {
        case .stay, .queue: return nil
        case .follow(let location):
            if let server = directory.number(forLocation: location) {
                members[member].server = Int32(server)
                members[member].target = Endpoint.target(ofLocation: location)
            }
            queue.prepend(Int32(member))
            return nil
        case .wait(let milliseconds): return milliseconds
        case .giveUp:
            tally.failed += 1
            return nil
        }
    }

    /// Members whose connection brought nothing for too long; each is counted.
    mutating func silent(second: UInt32) -> [Int] {
        let silent = members.indices.filter { member in
            switch members[member].machine.state {
            case .connecting: second > members[member].heardAt + settings.connectSeconds
            case .watching: !members[member].isSlow && second > members[member].heardAt + settings.silenceSeconds
            case .queued, .waiting, .failed: false
            }
        }
        tally.silences += silent.count
        return silent
    }
}
