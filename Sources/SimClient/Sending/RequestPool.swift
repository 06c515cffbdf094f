internal import SocketLoop

/// Connections that stay open to servers that take turns, with one request at a time on each.
struct RequestPool<Work> {
    struct Answer {
        var status: Int
        var body: [UInt8]
    }

    private struct Connection {
        enum State {
            case closed, connecting, idle
            case busy(Work, since: UInt64)
        }

        var state = State.closed
        var socket: SocketHandle?
        var response = ResponseScanner()
        var answer = Answer(status: 0, body: [])
        var keepsAlive = true
        let server: Int
    }

    static var bodyBytesMax: Int { 64 << 10 }
    private static var answerNanoseconds: UInt64 { 10_000_000_000 }

    private let servers: ServerDirectory
    private var connections: [Connection]
    /// Idle connections; the one used last is used next, so that spare ones stay untouched.
    private var idle: [Int] = []

    init(_ servers: ServerDirectory, connections: Int) {
        self.servers = servers
        self.connections = (0..<connections).map { Connection(server: $0 % max(servers.servers.count, 1)) }
    }

    var idleCount: Int { idle.count }

    /// Sends `work` as what `request` makes of it. Only with an idle connection.
    mutating func send(_ work: Work, _ sockets: Sockets, _ request: (Work, Endpoint) -> [UInt8]) {
        guard let index = idle.popLast(), let socket = connections[index].socket else { return }
        connections[index].state = .busy(work, since: sockets.now)
        // A socket that broke is told by `socketClosed`.
        _ = sockets.send(request(work, servers[connections[index].server].endpoint), to: socket)
    }

    /// Opens what is closed, and closes what has waited 10 s for an answer: that work is the result. To be called ten
    /// times a second: a service that is away is not asked more often than that.
    mutating func sweep(_ sockets: Sockets) -> [Work] {
        connections.indices.compactMap { index in
            switch connections[index].state {
            case .closed:
                let address = servers[connections[index].server].address
                connections[index].socket = sockets.connect(to: address, tag: UInt32(index))
                connections[index].response = ResponseScanner()
                connections[index].answer = Answer(status: 0, body: [])
                connections[index].state = connections[index].socket == nil ? .closed : .connecting
                return nil
            case .busy(_, let since) where sockets.now > since + Self.answerNanoseconds: return drop(index, sockets)
            default: return nil
            }
        }
    }

    mutating func connected(_ socket: SocketHandle, _ sockets: Sockets) {
        guard let index = sockets.tag(of: socket).map(Int.init) else { return }
        connections[index].state = .idle
        idle.append(index)
    }

    /// A connection ended; the work that has no answer.
    mutating func closed(tag: UInt32) -> Work? {
        let index = Int(tag)
        defer { (connections[index].state, connections[index].socket) = (.closed, nil) }
        switch connections[index].state {
        case .busy(let work, _): return work
        case .idle: idle.removeAll { $0 == index }
        case .closed, .connecting: break
        }
        return nil
    }

    private mutating func drop(_ index: Int, _ sockets: Sockets) -> Work? {
        if let socket = connections[index].socket { sockets.close(socket) }
        return closed(tag: UInt32(index))
    }

    /// Takes bytes of an answer: the work that is answered by them, or whose answer is broken (`nil`).
    mutating func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, _ sockets: Sockets)
        -> (work: Work, answer: Answer?)?
    {
        guard let index = sockets.tag(of: socket).map(Int.init) else { return nil }
        var cursor = 0
        do {
            while let part = try connections[index].response.next(in: bytes, from: &cursor) {
                switch part {
                case .head(let head):
                    connections[index].answer.status = head.status
                    connections[index].keepsAlive = head.keepsAlive
                case .body(let range):
                    guard connections[index].answer.body.count + range.count <= Self.bodyBytesMax else {
                        return drop(index, sockets).map { ($0, nil) }
                    }
                    connections[index].answer.body.append(contentsOf: bytes[range])
                }
            }
        } catch {
            return drop(index, sockets).map { ($0, nil) }
        }
        guard connections[index].response.hasEnded, case .busy(let work, _) = connections[index].state else {
            // Bytes that nobody asked for.
            if connections[index].response.hasEnded { _ = drop(index, sockets) }
            return nil
        }
        let answer = connections[index].answer
        connections[index].response = ResponseScanner()
        connections[index].answer.body.removeAll(keepingCapacity: true)
        connections[index].state = .closed
        if connections[index].keepsAlive, cursor == bytes.count {
            connections[index].state = .idle
            idle.append(index)
        } else {
            _ = drop(index, sockets)
        }
        return (work, answer)
    }
}
