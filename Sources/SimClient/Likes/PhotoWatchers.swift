internal import Audience
internal import Primitives
internal import SocketLoop

/// Viewers who follow photos, on a loop of their own.
final class PhotoWatchers: SocketLoopHandler {
    enum Command: Sendable {
        case connect
        /// What everybody's last value must be, by the photo's number.
        case expect([Int64])
        case collect(@Sendable (LikeSwarmReport.Viewers) -> Void)
    }

    struct Settings: Sendable {
        var readers: ServerDirectory
        var photos: [String]
        var viewers: Int
        var photosEach: Int
    }

    /// What other threads may look at at any time.
    final class Board: Sendable {
        struct Snapshot: Sendable {
            var watching = 0
            var updates = 0
            /// Viewers and photos whose value is not the expected one; `nil` while nothing is expected.
            var wrong: Int?
        }

        let now = Mutex(Snapshot())
    }

    private struct Redirect {
        var server: Int
        var target: String
    }

    private struct Connection {
        enum State { case closed, connecting, asked, watching }

        var state = State.closed
        var socket: SocketHandle?
        var reader = ResponseReader()
        /// The beginning of an event.
        var held: [UInt8] = []
        var hasWatched = false
        /// The server that it is connected to.
        var server = 0
        /// Where a redirect led: for the next attempt only. After that it begins anew at its own server.
        var redirect: Redirect?
    }

    private static let connectsInProgressMax = 500
    private static let eventBytesMax = 64 << 10
    private static let tick: UInt64 = 50_000_000

    private let settings: Settings
    private let board: Board
    private let names: [[UInt8]]
    private var readers: ServerDirectory
    private var connections: [Connection]
    private var viewers: [PhotoViewer]
    private var isConnecting = false
    private var inProgress = 0
    private var watching = 0
    private var updates = 0
    private var reconnects = 0
    private var bytesReceived = 0
    private var expected: [Int64]?

    init(settings: Settings, board: Board) {
        self.settings = settings
        self.board = board
        names = settings.photos.map { Array($0.utf8) }
        readers = settings.readers
        connections = Array(repeating: Connection(), count: settings.viewers)
        viewers = (0..<settings.viewers).map {
            PhotoViewer(
                photos: PhotoViewer.page(of: $0, photos: settings.photos.count, each: settings.photosEach))
        }
    }

    func received(_ commands: [Command], sockets: Sockets) {
        for command in commands {
            switch command {
            case .connect:
                isConnecting = true
                connectSome(sockets)
                sockets.schedule(TimerToken(kind: 0, value: 0), at: sockets.now + Self.tick)
            case .expect(let counts): expected = counts
            case .collect(let reply): reply(report())
            }
        }
    }

    func pass(sockets: Sockets) -> Bool {
        let (watching, updates) = (watching, updates)
        board.now.withLock {
            $0.watching = watching
            $0.updates = updates
        }
        return false
    }

    func timerFired(_ token: TimerToken, sockets: Sockets) {
        connectSome(sockets)
        if let expected {
            let wrong = viewers.reduce(0) { $0 + $1.wrong(expected) }
            board.now.withLock { $0.wrong = wrong }
        }
        sockets.schedule(token, at: sockets.now + Self.tick)
    }

    private func report() -> LikeSwarmReport.Viewers {
        var report = LikeSwarmReport.Viewers()
        report.wanted = viewers.count
        report.connected = watching
        report.reconnects = reconnects
        report.photosEach = viewers.first?.photos.count ?? 0
        report.updates = updates
        report.bytesReceived = bytesReceived
        report.wrong = expected.map { expected in viewers.reduce(0) { $0 + $1.wrong(expected) } } ?? 0
        for viewer in viewers {
            report.older += viewer.older
            report.malformed += viewer.malformed
            for seen in viewer.seen {
                report.updatesPerSecondMost = max(report.updatesPerSecondMost, seen.perSecond)
                report.updatesInSecondMost = max(report.updatesInSecondMost, seen.inSecondMost)
            }
        }
        return report
    }

    // MARK: Connections

    private func connectSome(_ sockets: Sockets) {
        guard isConnecting, watching + inProgress < connections.count else { return }
        for index in connections.indices where connections[index].state == .closed {
            guard inProgress < Self.connectsInProgressMax else { return }
            let server = connections[index].redirect?.server ?? index % settings.readers.servers.count
            let address = readers[server].address
            guard let socket = sockets.connect(to: address, tag: UInt32(index)) else { return }
            connections[index].socket = socket
            connections[index].server = server
            connections[index].state = .connecting
            connections[index].reader = ResponseReader()
            connections[index].held = []
            inProgress += 1
        }
    }

    func socketConnected(_ socket: SocketHandle, sockets: Sockets) {
        guard let index = sockets.tag(of: socket).map(Int.init) else { return }
        connections[index].state = .asked
        let endpoint = readers[connections[index].server].endpoint
        let photos = viewers[index].photos.map { settings.photos[$0] }
        let request = LikeRequestText.connect(
            user: "viewer\(index)", photos: photos, to: endpoint, target: connections[index].redirect?.target)
        connections[index].redirect = nil
        _ = sockets.send(request, to: socket)
    }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets) {
        closed(Int(tag))
    }

    private func closed(_ index: Int) {
        if connections[index].state == .watching { watching -= 1 } else { inProgress -= 1 }
        connections[index].state = .closed
        connections[index].socket = nil
        connections[index].redirect = nil
    }

    private func drop(_ index: Int, _ sockets: Sockets) {
        if let socket = connections[index].socket { sockets.close(socket) }
        closed(index)
    }

    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets) {
        guard let index = sockets.tag(of: socket).map(Int.init) else { return }
        bytesReceived += bytes.count
        do {
            var cursor = 0
            while let part = try connections[index].reader.next(in: bytes, from: &cursor) {
                switch part {
                case .head(let head):
                    guard head.status == 200 else {
                        let redirect = head.location.flatMap { follow($0) }
                        drop(index, sockets)
                        connections[index].redirect = redirect
                        return
                    }
                    begin(index)
                case .body(let range):
                    take(UnsafeRawBufferPointer(rebasing: bytes[range]), index, now: sockets.now)
                }
            }
            if connections[index].reader.hasEnded || connections[index].held.count > Self.eventBytesMax {
                drop(index, sockets)
            }
        } catch {
            drop(index, sockets)
        }
    }

    private func follow(_ location: String) -> Redirect? {
        guard let target = Endpoint.target(ofLocation: location),
            let server = readers.number(forLocation: location)
        else { return nil }
        return Redirect(server: server, target: target)
    }

    private func begin(_ index: Int) {
        guard connections[index].state == .asked else { return }
        connections[index].state = .watching
        inProgress -= 1
        watching += 1
        if connections[index].hasWatched { reconnects += 1 }
        connections[index].hasWatched = true
    }

    /// Events end with an empty line; what is left is kept for the next bytes.
    private func take(_ bytes: UnsafeRawBufferPointer, _ index: Int, now: UInt64) {
        guard connections[index].held.isEmpty else {
            var held = connections[index].held
            connections[index].held = []
            held.append(contentsOf: bytes)
            let used = held.withUnsafeBytes { events(in: $0, index, now: now) }
            connections[index].held = Array(held[used...])
            return
        }
        let used = events(in: bytes, index, now: now)
        if used < bytes.count { connections[index].held = Array(bytes[used...]) }
    }

    private func events(in bytes: UnsafeRawBufferPointer, _ index: Int, now: UInt64) -> Int {
        var start = 0
        var at = 0
        while at + 1 < bytes.count {
            if bytes[at] == UInt8(ascii: "\n"), bytes[at + 1] == UInt8(ascii: "\n") {
                let event = UnsafeRawBufferPointer(rebasing: bytes[start...at])
                let before = viewers[index].seen.reduce(0) { $0 + $1.updates }
                viewers[index].received(event, names: names, now: now)
                updates += viewers[index].seen.reduce(0) { $0 + $1.updates } - before
                at += 2
                start = at
            } else {
                at += 1
            }
        }
        return start
    }
}

@available(*, unavailable)
extension PhotoWatchers: Sendable {}
