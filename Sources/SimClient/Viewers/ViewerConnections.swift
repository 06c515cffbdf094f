internal import DequeModule
internal import Options
internal import Placement
internal import SocketLoop

/// What happened to the connections of viewers.
struct ViewerTally: Equatable, Sendable {
    /// Viewers that are connected now.
    var watching = 0
    /// Viewers that were connected at least once.
    var connectedOnce = 0
    /// Viewers that gave up.
    var failed = 0
    /// Viewers that have not come, or have left.
    var absent = 0
    /// Connections that were started.
    var attempts = 0
    /// Events `connected`, of all connections.
    var connects = 0
    /// The most connections that were under way at one time.
    var connectingMost = 0
    var redirects = 0
    /// Answers 503.
    var refusals = 0
    /// Answers other than 200, 307, 308 and 503.
    var rejections = 0
    /// Connected ones that brought nothing for too long.
    var silences = 0
    /// Streams that broke the rules of HTTP or of event streams.
    var malformed = 0
    var bytesReceived = 0
}

/// How viewers get to their Readers, and what they do when a connection ends.
struct ViewerSettings: Sendable {
    enum Placement: String, Sendable, CaseIterable {
        /// Every connection goes to a Reader drawn at random.
        case random
        /// The first one does; later ones go where a redirect led before.
        case follow
    }

    var viewers: Int
    var readers: ServerDirectory
    var placement = Placement.random
    var transport = ViewerTransport.stream
    var limits = ViewerMachine.Limits()
    /// Connections between their start and their first event.
    var connectsInProgressMax = 500
    /// From the start of a connection to its first event.
    var connectSeconds: UInt32 = 15
    /// A connection that brings nothing for so long, not even a heartbeat, is given up.
    var silenceSeconds: UInt32 = 60
    /// Viewers that never read once they are connected.
    var slow: Set<Int> = []
    /// Viewers that are not there from the start.
    var absent: Set<Int> = []
    /// The address that connections come from; `nil`: the kernel chooses.
    var source: SourceAddress?
    /// Decides in which order viewers connect, and how long they pause.
    var seed: UInt64 = 0
    /// Seeds the choice of a Reader at each connect, which for real viewers is chance; by default another one in each
    /// process and run.
    var connectSeed = UInt64.random(in: .min ... .max)
}

/// One viewer's connection. A swarm has 20,000 of them in an array: what is not needed for each stands elsewhere.
struct VirtualUser: Sendable {
    var machine = ViewerMachine()
    /// Never reads once it is connected.
    let isSlow: Bool
    /// When its connection began, or brought its last bytes: seconds since the loop's start.
    var heardAt: UInt32 = 0
    var server: Int32
    var socket: SocketHandle?
    var response = ResponseScanner()
}

/// The ways of all viewers to their Readers. No sockets and no clocks: a loop tells what happened, and does what is
/// answered.
struct ViewerConnections: Sendable {
    let settings: ViewerSettings
    private(set) var directory: ServerDirectory
    var users: [VirtualUser]
    var tally = ViewerTally()
    /// Viewers that read, and are not connected.
    private(set) var away = 0
    /// Where a redirect led, for the one request that follows it.
    private var targets: [Int32: String] = [:]
    /// The server that did not let a viewer in, until it is connected elsewhere.
    private var unreached: [Int32: Int32] = [:]
    private var queue: Deque<Int32> = []
    private var connecting = 0
    private var draws: Xoshiro256
    private var serverDraws: Xoshiro256

    init(_ settings: ViewerSettings) {
        self.settings = settings
        directory = settings.readers
        draws = Xoshiro256(seed: settings.seed, purpose: "viewers")
        serverDraws = Xoshiro256(seed: settings.connectSeed, purpose: "servers")
        users = []
        users.reserveCapacity(settings.viewers)
        for viewer in 0..<settings.viewers {
            let server = Int32(serverDraws.below(max(directory.servers.count, 1)))
            let machine = ViewerMachine(isPresent: !settings.absent.contains(viewer))
            users.append(VirtualUser(machine: machine, isSlow: settings.slow.contains(viewer), server: server))
        }
        tally.absent = settings.absent.count
        away = users.count { !$0.isSlow && $0.machine.state != .absent }
    }

    /// Viewers that are on their way: queued, connecting or waiting.
    var unsettled: Int { users.count - tally.absent - tally.watching - tally.failed }

    /// All that are there queue up.
    mutating func start() {
        var order = users.indices.filter { users[$0].machine.state != .absent }.map { Int32($0) }
        draws.permute(&order)
        queue = Deque(order)
    }

    /// One that is not there queues up; `false` for any other.
    mutating func join(_ viewer: Int) -> Bool {
        guard users[viewer].machine.state == .absent else { return false }
        tally.absent -= 1
        if !users[viewer].isSlow { away += 1 }
        users[viewer].machine = ViewerMachine()
        queue.append(Int32(viewer))
        return true
    }

    /// One that is there goes, connected or not; `false` for any other, and for one that gave up.
    mutating func leave(_ viewer: Int) -> Bool {
        switch users[viewer].machine.state {
        case .absent, .failed: return false
        case .watching: tally.watching -= 1
        case .connecting: connecting -= 1
        case .queued, .waiting: break
        }
        if !users[viewer].isSlow, users[viewer].machine.state != .watching { away -= 1 }
        tally.absent += 1
        users[viewer].machine = ViewerMachine(isPresent: false)
        targets[Int32(viewer)] = nil
        unreached[Int32(viewer)] = nil
        drawOtherServer(viewer)
        return true
    }

    /// A viewer that watches goes, and another one queues up in its place. `nil` when nobody watches; else who went:
    /// this one, or the next that does watch.
    mutating func replace(_ viewer: Int) -> Int? {
        guard tally.watching > 0 else { return nil }
        let found =
            (viewer..<users.count).first { users[$0].machine.state == .watching }
            ?? (0..<viewer).first { users[$0].machine.state == .watching }
        guard let found else { return nil }
        tally.watching -= 1
        if !users[found].isSlow { away += 1 }
        users[found].machine = ViewerMachine()
        drawOtherServer(found)
        queue.append(Int32(found))
        return found
    }

    /// The next viewer that may connect; `nil` when none waits, or enough are on their way.
    mutating func nextToConnect(second: UInt32) -> Int? {
        guard connecting < settings.connectsInProgressMax else { return nil }
        // Who left while waiting here, and may have come back behind, is passed over.
        while let first = queue.first, users[Int(first)].machine.state != .queued { queue.removeFirst() }
        guard let viewer = queue.popFirst().map(Int.init) else { return nil }
        connecting += 1
        tally.attempts += 1
        tally.connectingMost = max(tally.connectingMost, connecting)
        users[viewer].machine.admitted()
        users[viewer].response = ResponseScanner()
        users[viewer].heardAt = second
        return viewer
    }

    func server(of viewer: Int) -> ServerDirectory.Server { directory[Int(users[viewer].server)] }

    mutating func takeTarget(of viewer: Int) -> String? { targets.removeValue(forKey: Int32(viewer)) }

    /// The server that this viewer was sent to before, and that it could not reach.
    func avoided(by viewer: Int) -> ServerDirectory.Server? { unreached[Int32(viewer)].map { directory[Int($0)] } }

    /// The connection ended or could not be made.
    mutating func ended(_ viewer: Int) -> ViewerMachine.Step {
        let state = users[viewer].machine.state
        if state == .connecting {
            // The next attempt begins anew, and says so that nobody sends it there again.
            unreached[Int32(viewer)] = users[viewer].server
            targets[Int32(viewer)] = nil
        }
        // A Reader that broke may be away: the next attempt goes to another; a follower tries its own once more.
        if state == .connecting || state == .watching && settings.placement == .random { drawOtherServer(viewer) }
        return act(users[viewer].machine.ended(limits: settings.limits, draw: draws.unit()), viewer, after: state)
    }

    mutating func rested(_ viewer: Int) {
        if users[viewer].machine.rested() == .queue { queue.append(Int32(viewer)) }
    }

    mutating func answered(_ head: ResponseHead, _ viewer: Int) -> ViewerMachine.Step {
        switch head.status {
        case 200: break
        case 307, 308: tally.redirects += 1
        case 503: tally.refusals += 1
        default: tally.rejections += 1
        }
        let state = users[viewer].machine.state
        // It drains, is full or has lost Redis; another may not.
        if head.status == 503 { drawOtherServer(viewer) }
        let step = users[viewer].machine.answered(head, limits: settings.limits, draw: draws.unit())
        return act(step, viewer, after: state)
    }

    mutating func sentAway(_ viewer: Int, milliseconds: Int?) -> ViewerMachine.Step {
        let state = users[viewer].machine.state
        let step = users[viewer].machine.sentAway(
            milliseconds: milliseconds, limits: settings.limits, draw: draws.unit())
        drawOtherServer(viewer)
        return act(step, viewer, after: state)
    }

    mutating func connected(_ viewer: Int) {
        guard users[viewer].machine.state == .connecting else { return }
        connecting -= 1
        tally.watching += 1
        tally.connects += 1
        if !users[viewer].isSlow { away -= 1 }
        if !users[viewer].machine.hasWatched { tally.connectedOnce += 1 }
        users[viewer].machine.connected()
        unreached[Int32(viewer)] = nil
    }

    /// One of the Readers of the settings, but not the present one while there is a choice.
    private mutating func drawOtherServer(_ viewer: Int) {
        let count = settings.readers.servers.count
        let present = Int(users[viewer].server)
        guard count > 1, present < count else { return users[viewer].server = Int32(serverDraws.below(count)) }
        let other = serverDraws.below(count - 1)
        users[viewer].server = Int32(other < present ? other : other + 1)
    }

    /// Keeps the counts in step with a machine that left `before`.
    private mutating func act(_ step: ViewerMachine.Step, _ viewer: Int, after before: ViewerMachine.State)
        -> ViewerMachine.Step
    {
        if step == .stay { return step }
        if before == .connecting { connecting -= 1 }
        if before == .watching {
            tally.watching -= 1
            if !users[viewer].isSlow { away += 1 }
        }
        switch step {
        case .follow(let location):
            if let server = directory.number(forLocation: location) {
                users[viewer].server = Int32(server)
                targets[Int32(viewer)] = Endpoint.target(ofLocation: location)
            }
            queue.prepend(Int32(viewer))
        case .giveUp: tally.failed += 1
        case .stay, .queue, .wait: break
        }
        return step
    }

    /// Viewers whose connection brought nothing for too long; each that had been connected is counted.
    mutating func silent(second: UInt32) -> [Int] {
        let silent = users.indices.filter { viewer in
            switch users[viewer].machine.state {
            case .connecting: second > users[viewer].heardAt + settings.connectSeconds
            case .watching: !users[viewer].isSlow && second > users[viewer].heardAt + settings.silenceSeconds
            case .queued, .waiting, .failed, .absent: false
            }
        }
        tally.silences += silent.count { users[$0].machine.state == .watching }
        return silent
    }
}
