/// The opcodes of RFC 6455, section 5.2.
public enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    /// Whether it is one of a control frame, which is at most 125 bytes long and never a fragment.
    var isControl: Bool { rawValue >= 8 }
}

/// Why a WebSocket ends (RFC 6455, section 7.4.1). What a peer may say is a larger set; these are what is said here.
public enum WebSocketCloseCode: UInt16, Sendable {
    case normal = 1000
    case goingAway = 1001
    case protocolError = 1002
    case invalidText = 1007
    case policyViolation = 1008
    case tooLarge = 1009

    /// Whether a peer may send this number: 1004 to 1006 and 1015 mean something else or nothing.
    static func isAllowed(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

/// Encodes frames (RFC 6455, section 5.2), each a whole message.
///
/// A server's frames are not masked, so that one encoded event serves every connection. What is kept for a connection that
/// polls is the same bytes: ``forEachMessage(in:_:)`` takes them apart again.
public enum WebSocketFrame {
    /// Bytes of the largest header.
    public static let headerMax = 14
    static let controlPayloadMax = 125

    /// Appends one frame; with a key, masked as a client's has to be.
    public static func append(
        _ opcode: WebSocketOpcode, _ payload: some Collection<UInt8>, isFinal: Bool = true, mask: UInt32? = nil,
        to bytes: inout [UInt8]
    ) {
        let count = payload.count
        let maskBit: UInt8 = mask == nil ? 0 : 0x80
        bytes.reserveCapacity(bytes.count + count + headerMax)
        bytes.append(opcode.rawValue | (isFinal ? 0x80 : 0))
        switch count {
        case ..<126: bytes.append(UInt8(count) | maskBit)
        case ..<65_536:
            bytes.append(126 | maskBit)
            withUnsafeBytes(of: UInt16(count).bigEndian) { bytes.append(contentsOf: $0) }
        default:
            bytes.append(127 | maskBit)
            withUnsafeBytes(of: UInt64(count).bigEndian) { bytes.append(contentsOf: $0) }
        }
        guard let mask else { return bytes.append(contentsOf: payload) }
        let key = withUnsafeBytes(of: mask.bigEndian) { Array($0) }
        bytes.append(contentsOf: key)
        for (index, byte) in payload.enumerated() { bytes.append(byte ^ key[index & 3]) }
    }

    public static func text(_ payload: some Collection<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        append(.text, payload, to: &bytes)
        return bytes
    }

    public static func close(_ code: WebSocketCloseCode) -> [UInt8] {
        var bytes: [UInt8] = []
        append(.close, [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 255)], to: &bytes)
        return bytes
    }

    /// The messages in frames that ``append(_:_:isFinal:mask:to:)`` made without a mask.
    public static func forEachMessage(
        in frames: [UInt8], _ body: (_ opcode: WebSocketOpcode, _ payload: ArraySlice<UInt8>) -> Void
    ) {
        var index = 0
        while index + 2 <= frames.count, let opcode = WebSocketOpcode(rawValue: frames[index] & 0x0F) {
            var (length, start) = (Int(frames[index + 1]), index + 2)
            if length >= 126 {
                let end = start + (length == 126 ? 2 : 8)
                length = frames[start..<end].reduce(0) { $0 << 8 | Int($1) }
                start = end
            }
            body(opcode, frames[start..<start + length])
            index = start + length
        }
    }
}
