/// Reads one side of a WebSocket as its bytes come (RFC 6455, section 5), and puts fragments together. Pure.
///
/// Everything that the RFC forbids ends it: reserved bits (no extension is ever agreed on), unknown opcodes, a mask that is
/// missing or must not be there, long or fragmented control frames, lengths that are not minimal, fragments out of order,
/// text that is not UTF-8. A message over the limit is refused by its header, before any of its bytes are kept.
///
/// NIOWebSocket's decoder is not used: the sockets are on a loop of their own, outside of NIO's pipelines, and it checks
/// neither masks nor reserved bits nor UTF-8.
public struct WebSocketDecoder: Sendable {
    public enum Message: Equatable, Sendable {
        case text([UInt8])
        case binary([UInt8])
        case ping([UInt8])
        case pong([UInt8])
        /// The peer's last frame; `nil`: it says no reason.
        case close(UInt16?)
    }

    /// The peer broke the protocol; the connection is to be closed with this code.
    public struct Violation: Error, Equatable, Sendable {
        public let code: WebSocketCloseCode

        public init(code: WebSocketCloseCode) {
            self.code = code
        }
    }

    private struct Header {
        var isFinal: Bool
        var opcode: WebSocketOpcode
        var length: Int
        var key: UInt32?
        /// Bytes of the header itself.
        var size: Int
    }

    // A server has one for each connection: small, and so in this order.
    /// Bytes of a message, all fragments together.
    private let messageBytesMax: UInt32
    private var start: UInt32 = 0
    private var buffer: [UInt8] = []
    private var fragments: [UInt8] = []
    /// Whether the peer is a client, which masks every frame; a server must not.
    private let peerMasks: Bool
    private var hasEnded = false
    /// The opcode of the message of which fragments have come.
    private var fragmented: WebSocketOpcode?

    public init(peerMasks: Bool = true, messageBytesMax: Int) {
        self.peerMasks = peerMasks
        self.messageBytesMax = UInt32(clamping: min(messageBytesMax, 1 << 30))
    }

    /// Bytes that are kept until a message is complete.
    public var bufferedBytes: Int { buffer.count + fragments.count }

    /// Takes the next bytes. To be followed by ``next()`` until it has nothing more.
    public mutating func append(_ bytes: some Sequence<UInt8>) {
        if !hasEnded { buffer.append(contentsOf: bytes) }
    }

    /// The next message, or `nil` when more bytes are needed. After a close or a violation nothing follows.
    public mutating func next() throws(Violation) -> Message? {
        do throws(Violation) {
            while !hasEnded, let header = try header() {
                guard let payload = take(header) else { break }
                if let message = try received(payload, header) { return message }
            }
        } catch {
            end()
            throw error
        }
        compact()
        return nil
    }

    private mutating func end() {
        hasEnded = true
        (buffer, fragments, start, fragmented) = ([], [], 0, nil)
    }

    private mutating func compact() {
        if start == buffer.count { buffer = [] } else if start > 0 { buffer.removeFirst(Int(start)) }
        start = 0
    }

    /// The header at the beginning of what is buffered; `nil` when it is not complete.
    private func header() throws(Violation) -> Header? {
        let bytes = buffer[Int(start)...]
        guard bytes.count >= 2 else { return nil }
        let (first, second) = (bytes[bytes.startIndex], bytes[bytes.startIndex + 1])
        guard first & 0x70 == 0, let opcode = WebSocketOpcode(rawValue: first & 0x0F),
            (second & 0x80 != 0) == peerMasks
        else { throw Violation(code: .protocolError) }
        let isFinal = first & 0x80 != 0
        var (length, size) = (UInt64(second & 0x7F), 2)
        if opcode.isControl, !isFinal || length > WebSocketFrame.controlPayloadMax {
            throw Violation(code: .protocolError)
        }
        if !opcode.isControl, (opcode == .continuation) != (fragmented != nil) {
            throw Violation(code: .protocolError)
        }
        if length >= 126 {
            let extended = length == 126 ? 2 : 8
            guard bytes.count >= size + extended else { return nil }
            length = bytes.dropFirst(size).prefix(extended).reduce(0) { $0 << 8 | UInt64($1) }
            guard length >= (extended == 2 ? 126 : 65_536), length < 1 << 63 else {
                throw Violation(code: .protocolError)
            }
            size += extended
        }
        guard opcode.isControl || length <= UInt64(messageBytesMax) - UInt64(fragments.count) else {
            throw Violation(code: .tooLarge)
        }
        guard peerMasks else {
            return Header(isFinal: isFinal, opcode: opcode, length: Int(length), key: nil, size: size)
        }
        guard bytes.count >= size + 4 else { return nil }
        let key = bytes.dropFirst(size).prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return Header(isFinal: isFinal, opcode: opcode, length: Int(length), key: key, size: size + 4)
    }

    /// The payload, without its mask; `nil` when it is not complete.
    private mutating func take(_ header: Header) -> [UInt8]? {
        let from = Int(start) + header.size
        guard buffer.count >= from + header.length else { return nil }
        var payload = Array(buffer[from..<from + header.length])
        start = UInt32(from + header.length)
        if let key = header.key, key != 0 {
            let key = withUnsafeBytes(of: key.bigEndian) { Array($0) }
            for index in payload.indices { payload[index] ^= key[index & 3] }
        }
        return payload
    }

    /// `nil`: a fragment that others follow.
    private mutating func received(_ payload: [UInt8], _ header: Header) throws(Violation) -> Message? {
        switch header.opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong(payload)
        case .close: return try closed(payload)
        case .text, .binary, .continuation: break
        }
        let opcode = fragmented ?? header.opcode
        guard header.isFinal else {
            fragmented = opcode
            fragments += payload
            return nil
        }
        let whole = fragments.isEmpty ? payload : fragments + payload
        (fragmented, fragments) = (nil, [])
        if opcode == .binary { return .binary(whole) }
        guard Self.isText(whole) else { throw Violation(code: .invalidText) }
        return .text(whole)
    }

    private mutating func closed(_ payload: [UInt8]) throws(Violation) -> Message {
        end()
        guard !payload.isEmpty else { return .close(nil) }
        guard payload.count >= 2 else { throw Violation(code: .protocolError) }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        guard WebSocketCloseCode.isAllowed(code) else { throw Violation(code: .protocolError) }
        guard Self.isText(payload.dropFirst(2)) else { throw Violation(code: .invalidText) }
        return .close(code)
    }

    /// Whether the bytes are UTF-8.
    static func isText(_ bytes: some Sequence<UInt8>) -> Bool {
        bytes.allSatisfy { $0 < 0x80 } || String(validating: bytes, as: UTF8.self) != nil
    }
}
