internal import Foundation

/// One packet of Engine.IO 4: <https://socket.io/docs/v4/engine-io-protocol/#protocol>.
public enum EngineIOPacket: Equatable, Sendable {
    case open([UInt8])
    case close
    case ping([UInt8])
    case pong([UInt8])
    case message([UInt8])
    case upgrade
    case noop
    /// A message of bytes; it has no type character of its own.
    case binary([UInt8])

    /// The packet of a text: its type as a digit, and what belongs to it. `nil` when it is none.
    public init?(text: some Collection<UInt8>) {
        guard let type = text.first else { return nil }
        let data = Array(text.dropFirst())
        switch type {
        case UInt8(ascii: "0"): self = .open(data)
        case UInt8(ascii: "1") where data.isEmpty: self = .close
        case UInt8(ascii: "2"): self = .ping(data)
        case UInt8(ascii: "3"): self = .pong(data)
        case UInt8(ascii: "4"): self = .message(data)
        case UInt8(ascii: "5") where data.isEmpty: self = .upgrade
        case UInt8(ascii: "6") where data.isEmpty: self = .noop
        default: return nil
        }
    }

    /// As text, the type's digit first; of bytes, the bytes.
    public var encoded: [UInt8] {
        func typed(_ type: Unicode.Scalar, _ data: [UInt8] = []) -> [UInt8] { [UInt8(ascii: type)] + data }
        switch self {
        case .open(let data): return typed("0", data)
        case .close: return typed("1")
        case .ping(let data): return typed("2", data)
        case .pong(let data): return typed("3", data)
        case .message(let data): return typed("4", data)
        case .upgrade: return typed("5")
        case .noop: return typed("6")
        case .binary(let data): return data
        }
    }

    /// As a WebSocket carries it, from a server.
    public var frame: [UInt8] {
        var bytes: [UInt8] = []
        let opcode: WebSocketOpcode = if case .binary = self { .binary } else { .text }
        WebSocketFrame.append(opcode, encoded, to: &bytes)
        return bytes
    }
}

/// What a polling request or its answer carries: packets with `\x1e` between them, bytes in base64 behind a `b`.
public enum EngineIOPayload {
    static let separator: UInt8 = 0x1E
    /// Packets of one request.
    public static let packetsMax = 1_024

    /// The packets of a request's body; `nil` when it is none, or has more than ``packetsMax``.
    public static func packets(_ body: [UInt8]) -> [EngineIOPacket]? {
        let parts = body.split(separator: separator, maxSplits: packetsMax, omittingEmptySubsequences: false)
        guard parts.count <= packetsMax else { return nil }
        var packets: [EngineIOPacket] = []
        packets.reserveCapacity(parts.count)
        for part in parts {
            guard let packet = packet(part) else { return nil }
            packets.append(packet)
        }
        return packets
    }

    private static func packet(_ part: ArraySlice<UInt8>) -> EngineIOPacket? {
        guard part.first == UInt8(ascii: "b") else {
            return WebSocketDecoder.isText(part) ? EngineIOPacket(text: part) : nil
        }
        return Data(base64Encoded: Data(part.dropFirst())).map { .binary(Array($0)) }
    }

    /// The answer to a poll, out of the frames that a WebSocket would have got.
    public static func answer(_ chunks: some Sequence<[UInt8]>) -> [UInt8] {
        var answer: [UInt8] = []
        var isFirst = true
        for chunk in chunks {
            WebSocketFrame.forEachMessage(in: chunk) { opcode, payload in
                guard opcode == .text || opcode == .binary else { return }
                if !isFirst { answer.append(separator) }
                isFirst = false
                if opcode == .text {
                    answer.append(contentsOf: payload)
                } else {
                    answer.append(UInt8(ascii: "b"))
                    answer.append(contentsOf: Data(payload).base64EncodedData())
                }
            }
        }
        return answer
    }
}
