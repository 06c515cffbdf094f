/// The namespaces of one client of Socket.IO 5, and the attachments that it still owes. Pure.
public struct SocketIOConnection: Sendable {
    public enum Input: Equatable, Sendable {
        /// The client wants to join a namespace; ``accept(_:)`` or ``refuse(_:)`` follows.
        case connect(namespace: String, auth: [UInt8])
        case event(SocketIOPacket)
        case ack(SocketIOPacket)
        case disconnect(namespace: String)
    }

    /// Names that Socket.IO's own clients use among themselves.
    static let reserved: Set<String> = [
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
    ]

    private enum Membership: Equatable {
        case asking, joined
    }

    /// A packet whose attachments are coming.
    private final class Partial: Sendable {
        let packet: SocketIOPacket
        let missing: Int
        /// Of the attachments that came.
        let bytes: Int

        init(_ packet: SocketIOPacket, missing: Int, bytes: Int = 0) {
            self.packet = packet
            self.missing = missing
            self.bytes = bytes
        }
    }

    // A server has one for each session: small, and so in this order.
    /// Besides the main one; nearly nobody has any.
    private var others: [String: Membership] = [:]
    private var partial: Partial?
    private var main: Membership?

    public init() {}

    public func hasJoined(_ namespace: String) -> Bool { self[namespace] == .joined }

    private subscript(namespace: String) -> Membership? {
        get { namespace == "/" ? main : others[namespace] }
        set { if namespace == "/" { main = newValue } else { others[namespace] = newValue } }
    }

    /// Takes a message.
    ///
    /// - Parameter bytesMax: of the attachments of one packet.
    /// - Returns: `nil` when more of it has to come. Which namespaces there are is the caller's business.
    public mutating func received(
        _ packet: EngineIOPacket, bytesMax: Int
    ) throws(SocketIOPacket.Malformed) -> Input? {
        switch packet {
        case .message(let text):
            guard partial == nil else { throw SocketIOPacket.Malformed() }
            let (packet, attachments) = try SocketIOPacket.parse(text)
            guard attachments > 0 else { return try input(packet) }
            partial = Partial(packet, missing: attachments)
            return nil
        case .binary(let bytes):
            guard let partial else { throw SocketIOPacket.Malformed() }
            var packet = partial.packet
            let held = partial.bytes + bytes.count
            guard held <= bytesMax else { throw SocketIOPacket.Malformed() }
            packet.attachments.append(bytes)
            self.partial = partial.missing > 1 ? Partial(packet, missing: partial.missing - 1, bytes: held) : nil
            return partial.missing > 1 ? nil : try input(packet)
        default: throw SocketIOPacket.Malformed()
        }
    }

    private mutating func input(_ packet: SocketIOPacket) throws(SocketIOPacket.Malformed) -> Input {
        if packet.kind == .connect {
            guard self[packet.namespace] == nil else { throw SocketIOPacket.Malformed() }
            self[packet.namespace] = .asking
            return .connect(namespace: packet.namespace, auth: packet.data)
        }
        guard self[packet.namespace] == .joined else { throw SocketIOPacket.Malformed() }
        switch packet.kind {
        case .disconnect:
            self[packet.namespace] = nil
            return .disconnect(namespace: packet.namespace)
        case .ack, .binaryAck: return .ack(packet)
        default:
            guard let name = packet.event?.name, !Self.reserved.contains(name) else {
                throw SocketIOPacket.Malformed()
            }
            return .event(packet)
        }
    }

    /// The client may join a namespace that it asked for. `false`: it does not ask any more.
    public mutating func accept(_ namespace: String) -> Bool {
        guard self[namespace] == .asking else { return false }
        self[namespace] = .joined
        return true
    }

    public mutating func refuse(_ namespace: String) {
        if self[namespace] == .asking { self[namespace] = nil }
    }
}
