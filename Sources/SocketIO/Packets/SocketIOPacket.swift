internal import Wire

/// One packet of Socket.IO 5: <https://socket.io/docs/v4/socket-io-protocol/#packet-encoding>.
///
/// `<type>[<attachments>-][<namespace>,][<id>][<JSON>]`, and behind it so many messages of bytes.
public struct SocketIOPacket: Equatable, Sendable {
    public enum Kind: UInt8, Sendable {
        case connect = 0, disconnect, event, ack, connectError, binaryEvent, binaryAck
    }

    /// A packet cannot be understood: its connection is to be closed.
    public struct Malformed: Error, Equatable, Sendable {}

    /// Messages of bytes that may belong to one packet.
    public static let attachmentsMax = 10
    static let namespaceBytesMax = 128

    public var kind: Kind
    public var namespace: String
    /// Asks for an acknowledgement, or is one.
    public var id: UInt64?
    /// JSON; empty when there is none.
    public var data: [UInt8]
    /// In place of the objects `{"_placeholder":true,"num":<index>}` of the data.
    public var attachments: [[UInt8]]

    public init(
        _ kind: Kind, namespace: String = "/", id: UInt64? = nil, data: [UInt8] = [], attachments: [[UInt8]] = []
    ) {
        self.kind = kind
        self.namespace = namespace
        self.id = id
        self.data = data
        self.attachments = attachments
    }

    /// An event with arguments that are JSON each.
    public init(event name: String, namespace: String = "/", _ arguments: [[UInt8]]) {
        var data = Array("[".utf8) + JSONText.string(name)
        for argument in arguments { data += [UInt8(ascii: ",")] + argument }
        self.init(.event, namespace: namespace, data: data + [UInt8(ascii: "]")])
    }

    // MARK: Text

    /// Reads the text of a packet that a client sent; its attachments have not come yet.
    ///
    /// - Returns: how many messages of bytes follow.
    public static func parse(_ text: some Collection<UInt8>) throws(Malformed) -> (SocketIOPacket, attachments: Int) {
        var rest = ArraySlice(text)
        guard let digit = rest.popFirst(), digit >= 0x30, let kind = Kind(rawValue: digit - 0x30) else {
            throw Malformed()
        }
        var packet = SocketIOPacket(kind)
        var count = 0
        if kind == .binaryEvent || kind == .binaryAck {
            guard let number = number(&rest), (1...UInt64(attachmentsMax)).contains(number),
                rest.popFirst() == UInt8(ascii: "-")
            else { throw Malformed() }
            count = Int(number)
        }
        if rest.first == UInt8(ascii: "/") {
            let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
            guard end - rest.startIndex <= namespaceBytesMax,
                let name = String(validating: rest[..<end], as: UTF8.self)
            else { throw Malformed() }
            // A query behind the name is for servers of version 2.
            packet.namespace = String(name.prefix { $0 != "?" })
            rest = rest[end...].dropFirst()
        }
        if let first = rest.first, (0x30...0x39).contains(first) {
            guard let id = number(&rest) else { throw Malformed() }
            packet.id = id
        }
        packet.data = Array(rest)
        try packet.check()
        return (packet, count)
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        rest = rest[digits.endIndex...]
        return Position.offset(digits)
    }

    /// Whether a client may send this data with this kind.
    private func check() throws(Malformed) {
        switch kind {
        case .connect:
            guard id == nil, data.isEmpty || isObject else { throw Malformed() }
        case .disconnect: guard id == nil, data.isEmpty else { throw Malformed() }
        case .event, .binaryEvent:
            guard let first = elements?.first, data[first.lowerBound] == UInt8(ascii: "\"") else { throw Malformed() }
        case .ack, .binaryAck: guard id != nil, elements != nil else { throw Malformed() }
        case .connectError: throw Malformed()
        }
    }

    private var isObject: Bool {
        data.withUnsafeBytes { bytes in (try? JSONScanner.object(bytes)) != nil }
    }

    /// Where the elements of the data lie, if it is an array.
    private var elements: [Range<Int>]? {
        data.withUnsafeBytes { bytes in try? JSONScanner.elements(bytes) }
    }

    /// The name and the arguments of an event, as JSON each.
    public var event: (name: String, arguments: [ArraySlice<UInt8>])? {
        guard kind == .event || kind == .binaryEvent, let elements, let first = elements.first,
            let name = data[first].withUnsafeBytes({ try? JSONScanner.string($0) })
        else { return nil }
        return (name, elements.dropFirst().map { data[$0] })
    }

    public var encoded: [UInt8] {
        var text = Array(String(kind.rawValue).utf8)
        if !attachments.isEmpty { text += "\(attachments.count)-".utf8 }
        if namespace != "/" { text += "\(namespace),".utf8 }
        if let id { text += "\(id)".utf8 }
        return text + data
    }

    /// As a WebSocket carries it: the text, then the attachments.
    public var frames: [UInt8] {
        var bytes: [UInt8] = []
        WebSocketFrame.append(.text, [UInt8(ascii: "4")] + encoded, to: &bytes)
        for attachment in attachments { WebSocketFrame.append(.binary, attachment, to: &bytes) }
        return bytes
    }
}
