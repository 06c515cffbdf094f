internal import Crypto
internal import Foundation

/// The opening handshake (RFC 6455, section 4.2).
public enum WebSocketHandshake {
    private static let suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    public static let version = "13"

    /// What a server answers to a client's `Sec-WebSocket-Key`; `nil` when that is not 16 bytes in base64.
    public static func accept(key: String) -> String? {
        guard let bytes = Data(base64Encoded: key), bytes.count == 16 else { return nil }
        return Data(Insecure.SHA1.hash(data: Data((key + suffix).utf8))).base64EncodedString()
    }

    /// The whole head of the answer. No extension and no subprotocol is agreed on, whatever was offered.
    public static func answer(accept: String) -> [UInt8] {
        Array(
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: \(accept)\r\n\r\n").utf8)
    }
}
