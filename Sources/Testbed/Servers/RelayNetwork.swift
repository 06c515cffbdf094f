import Dispatch
import Foundation
import NIOCore
import NIOPosix
import Primitives

/// TCP between processes of this machine that can be cut and healed as a network can: each server is reached through a
/// relay, which knows who connects by the owner of the socket. Between two that are apart nothing arrives, connections
/// neither end nor begin, and what was sent arrives when they are together again.
public final class RelayNetwork: Sendable {
    /// One connection: from a node of the testbed, `nil` for anybody else, to a server.
    public struct Path: Hashable, Sendable {
        public var from: String?
        public var to: String
        /// To the port on which the nodes of a Redis Cluster talk with each other.
        public var isBus: Bool
    }

    private struct State {
        /// `nil`: nothing is cut.
        var isApart: (@Sendable (Path) -> Bool)?
        var connections: [RelayConnection] = []
        /// Nobody knows yet who made them.
        var unknown: [RelayConnection] = []
        var listeners: [any Channel] = []
    }

    private let state = Mutex(State())
    private let nodes: @Sendable () -> [Node]
    /// Looks into /proc, which takes milliseconds: not where others' bytes go through.
    private let lookups = DispatchQueue(label: "relay-lookups")

    init(nodes: @escaping @Sendable () -> [Node]) { self.nodes = nodes }

    /// From now on every path of which `isApart` says so is cut, and everything else is whole.
    public func cut(where isApart: @escaping @Sendable (Path) -> Bool) async {
        let connections = change { $0.isApart = isApart }
        await withCheckedContinuation { continuation in
            lookups.async {
                self.lookUp(connections)
                continuation.resume()
            }
        }
        for connection in connections { connection.update() }
    }

    /// Nodes of these names are apart from all other nodes.
    public func isolate(_ names: Set<String>) async {
        await cut { path in path.from.map { names.contains($0) != names.contains(path.to) } ?? false }
    }

    public func heal() {
        for connection in change({ $0.isApart = nil }) { connection.update() }
    }

    private func change(_ change: (inout State) -> Void) -> [RelayConnection] {
        state.withLock { state in
            change(&state)
            state.connections.removeAll { $0.isOver }
            return state.connections
        }
    }

    func close() async {
        let listeners = state.withLock { state in
            defer { (state.listeners, state.connections, state.unknown) = ([], [], []) }
            return state.listeners
        }
        for listener in listeners { try? await listener.close() }
    }

    /// Listens on a free port for connections to `target`, which need not listen yet.
    func relay(to target: Int, of name: String, isBus: Bool) async throws -> Int {
        let port = try Ports.one()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = RelayConnection(from: channel, to: target, of: name, isBus: isBus, self)
                    self.state.withLock { state in
                        state.connections.removeAll { $0.isOver }
                        state.connections.append(connection)
                    }
                    try channel.pipeline.syncOperations.addHandler(RelayHandler(connection))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        state.withLock { $0.listeners.append(listener) }
        return port
    }

    /// While nothing is cut nobody has to know who connects.
    fileprivate func began(_ connection: RelayConnection) {
        let (isWhole, isFirst) = state.withLock { state in
            guard state.isApart != nil else { return (true, false) }
            state.unknown.append(connection)
            return (false, state.unknown.count == 1)
        }
        if isWhole { return connection.update() }
        guard isFirst else { return }
        // One look for all that came meanwhile: whoever is cut off tries again and again.
        lookups.async {
            let unknown = self.state.withLock { state in
                defer { state.unknown = [] }
                return state.unknown
            }
            self.lookUp(unknown)
            for connection in unknown { connection.update() }
        }
    }

    /// - Parameter path: `nil`: not looked up yet.
    fileprivate func isCut(_ path: Path?) -> Bool {
        guard let isApart = state.withLock({ $0.isApart }) else { return false }
        return path.map(isApart) ?? true
    }

    /// Finds the nodes whose processes hold the other ends, as /proc tells.
    private func lookUp(_ connections: [RelayConnection]) {
        let unknown = connections.filter { !$0.isLookedUp }
        guard !unknown.isEmpty else { return }
        let inodes = Self.inodes(of: Set(unknown.compactMap(\.ports)))
        var owners: [String: String] = [:]
        for node in nodes() where node.isRunning {
            guard let pid = node.child?.pid else { continue }
            for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? [] {
                let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(name)")
                if let link, link.hasPrefix("socket:[") { owners[String(link.dropFirst(8).dropLast())] = node.name }
            }
        }
        for connection in unknown {
            connection.isFrom(connection.ports.flatMap { inodes[$0] }.flatMap { owners[$0] })
        }
    }

    /// Of the clients' sockets.
    private static func inodes(of ports: Set<RelayPorts>) -> [RelayPorts: String] {
        // Foundation reads the first 4 KiB of such a file when it is asked for all.
        let handle = FileHandle(forReadingAtPath: "/proc/net/tcp")
        var bytes = Data()
        while let part = try? handle?.read(upToCount: 1 << 20), !part.isEmpty { bytes += part }
        let table = String(decoding: bytes, as: UTF8.self)
        var inodes: [RelayPorts: String] = [:]
        func port(_ address: Substring) -> Int? { Int(address.suffix(4), radix: 16) }
        for line in table.split(separator: "\n").dropFirst() {
            // 10: 0100007F:1F90 …, and the inode is the tenth.
            let words = line.split(separator: " ")
            guard words.count > 9, let client = port(words[1]), let relay = port(words[2]) else { continue }
            let pair = RelayPorts(client: client, relay: relay)
            guard ports.contains(pair) else { continue }
            let inode = String(words[9])
            // Of an end that is closed nobody knows.
            if inode != "0" { inodes[pair] = inode }
        }
        return inodes
    }
}

/// What tells the connections of a relay apart: a client may have one port towards several.
private struct RelayPorts: Hashable {
    var client: Int
    var relay: Int
}

/// Both sides of a connection through a relay. Each side reads only when what it read before is written.
private final class RelayConnection: Sendable {
    private struct State {
        /// `nil`: not looked up yet.
        var path: RelayNetwork.Path?
        var far: (any Channel)?
        var isConnecting = false
        var isOver = false
    }

    private let near: any Channel
    private let target: Int
    private let name: String
    private let isBus: Bool
    private let network: RelayNetwork
    private let state = Mutex(State())

    init(from near: any Channel, to target: Int, of name: String, isBus: Bool, _ network: RelayNetwork) {
        (self.near, self.target, self.name, self.isBus, self.network) = (near, target, name, isBus, network)
    }

    var isOver: Bool { state.withLock { $0.isOver } && !near.isActive }
    var isLookedUp: Bool { state.withLock { $0.path != nil } }
    var ports: RelayPorts? {
        guard let client = near.remoteAddress?.port, let relay = near.localAddress?.port else { return nil }
        return RelayPorts(client: client, relay: relay)
    }

    func isFrom(_ client: String?) {
        state.withLock { $0.path = RelayNetwork.Path(from: client, to: name, isBus: isBus) }
    }

    private func isCut() -> Bool { network.isCut(state.withLock { $0.path }) }

    /// The far side is active before it is known: it is no beginning.
    func began(on channel: any Channel) {
        if channel === near { network.began(self) }
    }

    /// Goes on where it may, and ends where a side has ended.
    func update() {
        guard !isCut() else { return }
        let (far, begins) = state.withLock { state in
            let begins = state.far == nil && !state.isConnecting && !state.isOver
            if begins { state.isConnecting = true }
            return (state.far, begins)
        }
        if begins { return connect() }
        guard let far else { return }
        guard near.isActive, far.isActive else { return end() }
        near.read()
        far.read()
    }

    private func connect() {
        ClientBootstrap(group: near.eventLoop)
            .channelOption(.autoRead, value: false)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(RelayHandler(self))
                }
            }
            .connect(host: "127.0.0.1", port: target)
            .whenComplete { result in
                switch result {
                case .success(let far):
                    self.state.withLock { $0.far = far }
                    self.update()
                case .failure: self.end()
                }
            }
    }

    private func end() {
        let far = state.withLock { state in
            state.isOver = true
            return state.far
        }
        near.close(promise: nil)
        far?.close(promise: nil)
    }

    func received(_ bytes: ByteBuffer, on channel: any Channel) {
        let far = state.withLock { $0.far }
        guard let far else { return }
        let other = channel === near ? far : near
        other.writeAndFlush(bytes).whenSuccess { if !self.isCut() { channel.read() } }
    }

    func closed() { if !isCut() { end() } }
}

private final class RelayHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: RelayConnection

    init(_ connection: RelayConnection) { self.connection = connection }

    func channelActive(context: ChannelHandlerContext) { connection.began(on: context.channel) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.received(unwrapInboundIn(data), on: context.channel)
    }

    func channelInactive(context: ChannelHandlerContext) { connection.closed() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
