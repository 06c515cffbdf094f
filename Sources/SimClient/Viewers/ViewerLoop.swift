internal import Audience
internal import Options
internal import Primitives
internal import SocketLoop

/// What viewers get, and what is made of it: a crowd's comments, the counts of photos, one person's screen.
protocol ViewerFeed {
    associatedtype Snapshot: Sendable

    /// The request of a viewer who connects now.
    ///
    /// - Parameters:
    ///   - target: where a redirect led, for the request line.
    ///   - avoided: the Reader that could not be reached before.
    mutating func connect(
        _ viewer: Int, to endpoint: Endpoint, target: String?, avoiding avoided: Endpoint?
    ) -> [UInt8]
    /// What a viewer who connects now asks for on Socket.IO; `nil`: it cannot.
    mutating func subscribe(_ viewer: Int) -> ViewerSubscription?
    /// The stream of a viewer begins: the answer was 200.
    mutating func opened(_ viewer: Int) -> FeedSignal
    /// Bytes of a viewer's stream.
    ///
    /// - Throws: when they break the rules of event streams; the connection is closed then.
    mutating func received(_ payload: UnsafeRawBufferPointer, _ viewer: Int, at times: FeedTimes) throws -> FeedSignal
    /// Something else happened to a viewer that a person might want to know.
    mutating func told(_ viewer: Int, _ news: ViewerNews)
    /// A viewer comes, goes, or changes; it is not connected any more.
    mutating func moved(_ viewer: Int, _ action: ViewerMove.Action, at times: FeedTimes)
    /// The end of a turn of the loop.
    mutating func turned()
    /// What other threads may see; ten times a second and more.
    mutating func snapshot(away: Int) -> Snapshot
}

extension ViewerFeed {
    mutating func subscribe(_ viewer: Int) -> ViewerSubscription? { nil }
    mutating func opened(_ viewer: Int) -> FeedSignal { FeedSignal() }
    mutating func told(_ viewer: Int, _ news: ViewerNews) {}
    mutating func moved(_ viewer: Int, _ action: ViewerMove.Action, at times: FeedTimes) {}
    mutating func turned() {}
}

/// What a viewer's bytes mean for its connection.
struct FeedSignal {
    /// The first event came.
    var isConnected = false
    /// The Reader asks to reconnect, after so many milliseconds if it says so.
    var sentAway: (milliseconds: Int?, isAsked: Bool) = (nil, false)
}

enum ViewerNews {
    case redirected(String)
    case refused(status: Int)
    case malformed(any Error)
    /// The connection ended for this reason; the next attempt comes after so many milliseconds, `nil` when none comes.
    case ended(String, next: Int?)
}

/// Whose moves come one after another: by chance, or as a trace has them.
typealias ViewerProcess = IteratorProtocol<ViewerMove> & Sendable

/// When bytes came.
struct FeedTimes {
    /// µs since 1970.
    var microseconds: Int64
    /// Monotonic, of the loop's turn.
    var nanoseconds: UInt64
}

/// Viewers on a socket loop: sockets, timers and clocks on one side, ``ViewerConnections`` and a feed on the other.
final class ViewerLoop<Feed: ViewerFeed>: LoopWorker {
    struct Seen: Sendable {
        var tally = ViewerTally()
        /// Viewers that are queued, connecting or resting; `Int.max` before the loop told.
        var unsettled = Int.max
        /// When `unsettled` first was 0, monotonic nanoseconds; 0 before.
        var settledAt: UInt64 = 0
        /// Viewers that read and are not connected.
        var away = 0
        /// Ticks of the loop's timer since its start, and those that came late.
        var ticks = 0
        var lateTicks = 0
        var feed: Feed.Snapshot?
    }

    private static var tickTimer: UInt32 { 0 }
    private static var restTimer: UInt32 { 1 }
    private static var tickNanoseconds: UInt64 { 20_000_000 }
    /// A tick that comes later than this is a sign that the loop has too much to do.
    private static var lateNanoseconds: UInt64 { 100_000_000 }

    var feed: Feed
    private(set) var viewers: ViewerConnections
    /// Of viewers on Socket.IO, from the start of a connection on; empty when there are none.
    private var packets: [SocketIOStream?]
    /// WebSockets that are to take over from a viewer's polls.
    private var probes: [Int: (socket: SocketHandle, response: ResponseScanner)] = [:]
    private var known = KnownPackets()
    private let shared: Locked<Seen>
    private var seen = Seen()
    private var startedAt: UInt64 = 0
    private var second: UInt32 = 0
    private var tickDue: UInt64 = 0
    private var moves: (start: UInt64, process: any ViewerProcess, next: ViewerMove)?

    init(_ settings: ViewerSettings, feed: Feed, shared: Locked<Seen>) {
        viewers = ViewerConnections(settings)
        packets = Array(repeating: nil, count: settings.transport == .stream ? 0 : settings.viewers)
        self.feed = feed
        self.shared = shared
    }

    /// All viewers connect, as fast as the limit of connects in progress lets them.
    func start(_ sockets: Sockets) {
        guard startedAt == 0 else { return }
        startedAt = sockets.now
        viewers.start()
        scheduleTick(sockets)
    }

    /// Viewers come and go from now on, or do not any more.
    func move(_ process: (any ViewerProcess)?, _ sockets: Sockets) {
        guard var process, let first = process.next() else { return moves = nil }
        moves = (sockets.now, process, first)
    }

    /// These do that, now.
    func move(_ those: some Sequence<Int>, _ action: ViewerMove.Action, _ sockets: Sockets) {
        for viewer in those { perform(viewer, action, sockets) }
    }

    func received(_ commands: [LoopCall<ViewerLoop>], sockets: Sockets) {
        for command in commands { command.body(self, sockets) }
    }

    func pass(sockets: Sockets) -> Bool {
        feed.turned()
        guard startedAt > 0 else { return false }
        while let viewer = viewers.nextToConnect(second: second) { connect(viewer, sockets) }
        noteSettled()
        return false
    }

    // MARK: Sockets

    private func connect(_ viewer: Int, _ sockets: Sockets) {
        viewers.users[viewer].socket = sockets.connect(
            to: viewers.server(of: viewer).address, from: viewers.settings.source, tag: UInt32(viewer))
        if viewers.users[viewer].socket == nil { ended(viewer, "no connection could be started", sockets) }
    }

    func socketConnected(_ socket: SocketHandle, sockets: Sockets) {
        guard let viewer = viewer(of: socket, sockets) else {
            if let viewer = prober(of: socket, sockets), let request = packets[viewer]?.upgradeRequest() {
                _ = sockets.send(request, to: socket)
            }
            return
        }
        let target = viewers.takeTarget(of: viewer)
        let avoided = viewers.avoided(by: viewer)?.endpoint
        if !packets.isEmpty, let subscription = feed.subscribe(viewer) {
            let endpoint = viewers.server(of: viewer).endpoint
            let transport = viewers.settings.transport
            let polling =
                transport == .socketio ? nil : LongPolling(at: endpoint, upgrades: transport == .websocketPolling)
            var stream = SocketIOStream(subscription, target: target, avoiding: avoided, polling: polling, &known)
            _ = sockets.send(stream.firstRequest(to: endpoint), to: socket)
            return packets[viewer] = stream
        }
        // A socket that broke at once is told by `socketClosed`.
        let endpoint = viewers.server(of: viewer).endpoint
        _ = sockets.send(feed.connect(viewer, to: endpoint, target: target, avoiding: avoided), to: socket)
    }

    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets) {
        guard let viewer = viewer(of: socket, sockets) else { return receivedByProbe(bytes, socket, sockets) }
        viewers.users[viewer].heardAt = second
        viewers.tally.bytesReceived += bytes.count
        let times = FeedTimes(microseconds: WallClock.microseconds(), nanoseconds: sockets.now)
        let isOnSocketIO = !packets.isEmpty && packets[viewer] != nil
        do {
            var cursor = 0
            while let part = try viewers.users[viewer].response.next(in: bytes, from: &cursor) {
                switch part {
                case .head(let head) where head.status == 101 && isOnSocketIO: break
                case .head(let head):
                    guard head.status == 200 else { return answered(head, viewer, sockets) }
                    if isOnSocketIO { break }
                    guard take(feed.opened(viewer), viewer, sockets) else { return }
                case .body(let range) where isOnSocketIO:
                    guard let output = try packets[viewer]?.received(bytes.part(range), &known),
                        try take(output, viewer, at: times, sockets)
                    else { return }
                case .body(let range):
                    let signal = try feed.received(bytes.part(range), viewer, at: times)
                    guard take(signal, viewer, sockets) else { return }
                }
            }
            if isOnSocketIO, viewers.users[viewer].response.hasEnded, packets[viewer]?.isPolling == true {
                viewers.users[viewer].response = ResponseScanner()
                if let output = try packets[viewer]?.answered() { _ = try take(output, viewer, at: times, sockets) }
                return
            }
        } catch {
            viewers.tally.malformed += 1
            feed.told(viewer, .malformed(error))
            return ended(viewer, "its stream was broken", sockets)
        }
        if viewers.users[viewer].response.hasEnded { ended(viewer, "the Reader ended it", sockets) }
    }

    /// `false` when the connection is over.
    private func take(
        _ output: SocketIOStream.Output, _ viewer: Int, at times: FeedTimes, _ sockets: Sockets
    ) throws -> Bool {
        if output.hasUpgraded { upgraded(viewer, sockets) }
        guard let socket = viewers.users[viewer].socket else { return false }
        if output.opensWebSocket {
            let address = viewers.server(of: viewer).address
            probes[viewer] = sockets.connect(to: address, from: viewers.settings.source, tag: UInt32(viewer)).map {
                ($0, ResponseScanner())
            }
        }
        if !output.replies.isEmpty { sockets.send(output.replies, to: socket) }
        if !output.frames.isEmpty {
            let signal = try output.frames.withUnsafeBytes { try feed.received($0, viewer, at: times) }
            guard take(signal, viewer, sockets) else { return false }
        }
        if let location = output.location {
            answered(ResponseHead(status: 307, location: location), viewer, sockets)
            return false
        }
        if output.hasEnded { ended(viewer, "the Reader ended it", sockets) }
        return !output.hasEnded
    }

    // MARK: Upgrades

    private func receivedByProbe(_ bytes: UnsafeRawBufferPointer, _ socket: SocketHandle, _ sockets: Sockets) {
        guard let viewer = prober(of: socket, sockets), var response = probes[viewer]?.response else { return }
        viewers.tally.bytesReceived += bytes.count
        var (cursor, isRefused) = (0, false)
        do {
            while !isRefused, let part = try response.next(in: bytes, from: &cursor) {
                switch part {
                case .head(let head) where head.status != 101: isRefused = true
                case .head: sockets.send(SocketIOStream.probe, to: socket)
                case .body(let range): isRefused = packets[viewer]?.probed(bytes.part(range)) != true
                }
            }
        } catch { isRefused = true }
        probes[viewer]?.response = response
        if isRefused { endProbe(viewer, sockets) }
    }

    /// The WebSocket takes over from the polls.
    private func upgraded(_ viewer: Int, _ sockets: Sockets) {
        guard let probe = probes.removeValue(forKey: viewer) else { return }
        if let polled = viewers.users[viewer].socket { sockets.close(polled) }
        (viewers.users[viewer].socket, viewers.users[viewer].response) = (probe.socket, probe.response)
        if viewers.users[viewer].isSlow { sockets.pauseReading(probe.socket) }
    }

    private func endProbe(_ viewer: Int, _ sockets: Sockets) {
        guard let probe = probes.removeValue(forKey: viewer) else { return }
        sockets.close(probe.socket)
        packets[viewer]?.probeEnded()
    }

    private func answered(_ head: ResponseHead, _ viewer: Int, _ sockets: Sockets) {
        // A poll's, of a viewer that is connected: its session is over.
        guard viewers.users[viewer].machine.state != .watching else {
            return ended(viewer, "status \(head.status)", sockets)
        }
        let step = viewers.answered(head, viewer)
        if case .follow(let location) = step {
            feed.told(viewer, .redirected(location))
        } else {
            feed.told(viewer, .refused(status: head.status))
        }
        act(step, viewer, "status \(head.status)", sockets)
    }

    /// `false` when the connection is over.
    private func take(_ signal: FeedSignal, _ viewer: Int, _ sockets: Sockets) -> Bool {
        if signal.isConnected {
            viewers.connected(viewer)
            if viewers.users[viewer].isSlow, let socket = viewers.users[viewer].socket { sockets.pauseReading(socket) }
        }
        guard signal.sentAway.isAsked else { return true }
        act(
            viewers.sentAway(viewer, milliseconds: signal.sentAway.milliseconds), viewer,
            "the Reader asked to reconnect", sockets)
        return false
    }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets) {
        guard viewers.users[Int(tag)].socket == socket else {
            if probes[Int(tag)]?.socket == socket { endProbe(Int(tag), sockets) }
            return
        }
        viewers.users[Int(tag)].socket = nil
        ended(Int(tag), "disconnected (\(reason))", sockets)
    }

    private func ended(_ viewer: Int, _ reason: String, _ sockets: Sockets) {
        act(viewers.ended(viewer), viewer, reason, sockets)
    }

    private func act(
        _ step: ViewerMachine.Step, _ viewer: Int, _ reason: @autoclosure () -> String, _ sockets: Sockets
    ) {
        if step == .stay { return }
        disconnect(viewer, sockets)
        switch step {
        case .stay, .queue, .follow: break
        case .wait(let milliseconds):
            feed.told(viewer, .ended(reason(), next: milliseconds))
            sockets.schedule(
                TimerToken(kind: Self.restTimer, value: UInt64(viewer)),
                at: sockets.now + UInt64(milliseconds) * 1_000_000)
        case .giveUp: feed.told(viewer, .ended(reason(), next: nil))
        }
    }

    private func disconnect(_ viewer: Int, _ sockets: Sockets) {
        if let socket = viewers.users[viewer].socket { sockets.close(socket) }
        viewers.users[viewer].socket = nil
        if let probe = probes.removeValue(forKey: viewer) { sockets.close(probe.socket) }
    }

    /// The viewer for whose polls this is to take over.
    private func prober(of socket: SocketHandle, _ sockets: Sockets) -> Int? {
        guard let viewer = sockets.tag(of: socket).map(Int.init), probes[viewer]?.socket == socket else { return nil }
        return viewer
    }

    /// The viewer whose connection this is; `nil` when it has another one by now.
    private func viewer(of socket: SocketHandle, _ sockets: Sockets) -> Int? {
        guard let viewer = sockets.tag(of: socket).map(Int.init), viewers.users[viewer].socket == socket else {
            return nil
        }
        return viewer
    }

    // MARK: Time

    private func scheduleTick(_ sockets: Sockets) {
        tickDue = sockets.now + Self.tickNanoseconds
        sockets.schedule(TimerToken(kind: Self.tickTimer, value: 0), at: tickDue)
    }

    func timerFired(_ token: TimerToken, sockets: Sockets) {
        if token.kind == Self.restTimer { return viewers.rested(Int(token.value)) }
        seen.ticks += 1
        if MonotonicClock.now() > tickDue + Self.lateNanoseconds { seen.lateTicks += 1 }
        let now = UInt32((sockets.now - startedAt) / 1_000_000_000)
        if now != second {
            second = now
            for viewer in viewers.silent(second: second) { ended(viewer, "the Reader was silent", sockets) }
        }
        moveSome(sockets)
        post()
        scheduleTick(sockets)
    }

    private func moveSome(_ sockets: Sockets) {
        while let (start, process, move) = moves, start + move.nanoseconds <= sockets.now {
            var process = process
            let following = process.next()
            moves = following.map { (start, process, $0) }
            perform(move.viewer, move.action, sockets)
        }
    }

    private func perform(_ viewer: Int, _ action: ViewerMove.Action, _ sockets: Sockets) {
        let found: Int? =
            switch action {
            case .replaced, .zaps: viewers.replace(viewer)
            case .joins: viewers.join(viewer) ? viewer : nil
            case .leaves: viewers.leave(viewer) ? viewer : nil
            }
        guard let found else { return }
        disconnect(found, sockets)
        feed.moved(found, action, at: FeedTimes(microseconds: WallClock.microseconds(), nanoseconds: sockets.now))
    }

    /// Called before it is shown too: who sees that all are settled must also see when.
    private func noteSettled() {
        if seen.settledAt == 0, viewers.unsettled == 0 { seen.settledAt = MonotonicClock.now() }
    }

    private func post() {
        noteSettled()
        seen.tally = viewers.tally
        seen.unsettled = viewers.unsettled
        seen.away = viewers.away
        seen.feed = feed.snapshot(away: viewers.away)
        shared.value = seen
    }
}

@available(*, unavailable)
extension ViewerLoop: Sendable {}
