import SocketIO
import Testing

@Suite struct WebSocketTests {
    typealias Message = WebSocketDecoder.Message

    private static let key: UInt32 = 0x37FA_213D

    private static func frame(
        _ opcode: WebSocketOpcode, _ payload: some Collection<UInt8>, isFinal: Bool = true, mask: UInt32? = key
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        WebSocketFrame.append(opcode, payload, isFinal: isFinal, mask: mask, to: &bytes)
        return bytes
    }

    private static func frame(_ text: String, isFinal: Bool = true, mask: UInt32? = key) -> [UInt8] {
        frame(.text, text.utf8, isFinal: isFinal, mask: mask)
    }

    /// Everything that the bytes hold, given in pieces, and the code with which the connection ends.
    private static func decode(
        _ bytes: [UInt8], pieces: Int = .max, max: Int = 1_000, peerMasks: Bool = true
    ) -> (messages: [Message], violation: WebSocketCloseCode?) {
        var decoder = WebSocketDecoder(peerMasks: peerMasks, messageBytesMax: max)
        var messages: [Message] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            decoder.append(rest.prefix(pieces))
            rest = rest.dropFirst(pieces)
            do {
                while let message = try decoder.next() { messages.append(message) }
            } catch {
                return (messages, error.code)
            }
        }
        return (messages, nil)
    }

    @Test func theExampleOfTheRFCIsAnswered() {
        #expect(WebSocketHandshake.accept(key: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(WebSocketHandshake.accept(key: "dGhlIHNhbXBsZSBub25j") == nil)
        #expect(WebSocketHandshake.accept(key: "not base64") == nil)
        // Section 5.7: "Hello" with and without a mask.
        #expect(
            Self.frame("Hello") == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
        #expect(WebSocketFrame.text("Hello".utf8) == [0x81, 0x05] + "Hello".utf8)
        #expect(WebSocketFrame.close(.goingAway) == [0x88, 2, 3, 0xE9])
    }

    @Test(arguments: [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) func everyLengthIsReadAsItWasWritten(length: Int) {
        let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for peerMasks in [true, false] {
            let frame = Self.frame(.binary, payload, mask: peerMasks ? Self.key : nil)
            for pieces in [1, 7, 4_096, .max] where pieces > 1 || length < 1_000 {
                let read = Self.decode(frame + frame, pieces: pieces, max: 100_000, peerMasks: peerMasks)
                #expect(read.messages == [.binary(payload), .binary(payload)])
                #expect(read.violation == nil)
            }
        }
        var seen: [[UInt8]] = []
        WebSocketFrame.forEachMessage(in: Self.frame(.binary, payload, mask: nil) + WebSocketFrame.text([1])) {
            seen.append(Array($1))
        }
        #expect(seen == [payload, [1]])
    }

    @Test func fragmentsBecomeOneMessageAndControlFramesMayStandBetween() {
        let bytes =
            Self.frame(.text, "Hé".utf8.dropLast(), isFinal: false) + Self.frame(.ping, [1])
            + Self.frame(.continuation, "é".utf8.dropFirst(), isFinal: false) + Self.frame(.pong, [])
            + Self.frame(.continuation, "llo".utf8) + Self.frame("next")
        for pieces in [1, 3, .max] {
            let read = Self.decode(bytes, pieces: pieces)
            #expect(read.messages == [.ping([1]), .pong([]), .text(Array("Héllo".utf8)), .text(Array("next".utf8))])
            #expect(read.violation == nil)
        }
    }

    @Test func nothingFollowsAClose() {
        let read = Self.decode(Self.frame(.close, [3, 0xE8]) + Self.frame("late"))
        #expect(read.messages == [.close(1000)])
        #expect(Self.decode(Self.frame(.close, [])).messages == [.close(nil)])
    }

    @Test func whatTheRFCForbidsEndsTheConnection() {
        func violation(_ bytes: [UInt8], peerMasks: Bool = true) -> WebSocketCloseCode? {
            Self.decode(bytes, peerMasks: peerMasks).violation
        }
        for bit: UInt8 in [0x40, 0x20, 0x10] {
            var reserved = Self.frame("Hello")
            reserved[0] |= bit
            #expect(violation(reserved) == .protocolError)
        }
        for opcode: UInt8 in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
            var unknown = Self.frame("Hello")
            unknown[0] = 0x80 | opcode
            #expect(violation(unknown) == .protocolError)
        }
        #expect(violation(Self.frame("Hello", mask: nil)) == .protocolError)
        #expect(violation(Self.frame("Hello"), peerMasks: false) == .protocolError)
        #expect(violation(Self.frame(.ping, [], isFinal: false)) == .protocolError)
        #expect(violation([0x89, 0xFE, 0, 126]) == .protocolError)
        // Lengths that need fewer bytes, and one that no frame may have.
        #expect(violation([0x82, 0xFE, 0, 125]) == .protocolError)
        #expect(violation([0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]) == .protocolError)
        #expect(violation([0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0]) == .protocolError)
        #expect(violation(Self.frame(.continuation, [1])) == .protocolError)
        #expect(violation(Self.frame("a", isFinal: false) + Self.frame("b")) == .protocolError)
        #expect(violation(Self.frame(.text, [0xC3, 0x28])) == .invalidText)
        #expect(violation(Self.frame(.text, [0xED, 0xA0, 0x80])) == .invalidText)
        #expect(violation(Self.frame(.close, [3])) == .protocolError)
        for code: UInt16 in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
            #expect(violation(Self.frame(.close, [UInt8(code >> 8), UInt8(code & 255)])) == .protocolError)
        }
        #expect(violation(Self.frame(.close, [3, 0xE8, 0xFF])) == .invalidText)
    }

    /// A header is enough to refuse what is too large: nothing of it is kept.
    @Test func tooLargeMessagesAreRefusedByTheirHeader() throws {
        var decoder = WebSocketDecoder(messageBytesMax: 1_000)
        decoder.append([0x82, 0xFF, 0, 0, 0, 0, 4, 0, 0, 0])
        #expect(throws: WebSocketDecoder.Violation(code: .tooLarge)) { try decoder.next() }
        decoder.append([UInt8](repeating: 0, count: 10_000))
        #expect(decoder.bufferedBytes == 0)
        #expect(try decoder.next() == nil)
        let half = [UInt8](repeating: 1, count: 501)
        let read = Self.decode(Self.frame(.binary, half, isFinal: false) + Self.frame(.continuation, half))
        #expect(read.violation == .tooLarge)
        #expect(Self.decode(Self.frame(.binary, [UInt8](repeating: 1, count: 1_000))).violation == nil)
    }
}
