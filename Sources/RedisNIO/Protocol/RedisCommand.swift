public import NIOCore

/// A command: an array of byte strings, kept in the form in which it goes over the wire.
///
/// Appending an argument is one copy; sending it is one more, into the buffer of the turn.
public struct RedisCommand: Hashable, Sendable {
    /// How many strings the command has, its name included.
    public private(set) var argumentCount = 0
    private(set) var body: [UInt8] = []
    /// A key of the server that a command without one is for; of a cluster's nodes, the one that has the key's slot.
    public private(set) var route: String?

    public init(_ name: String, _ arguments: String...) {
        self.init(name, arguments)
    }

    public init(_ name: String, _ arguments: some Sequence<String>) {
        body.reserveCapacity(128)
        append(name)
        for argument in arguments { append(argument) }
    }

    /// The same command, for the server that has `key`.
    public func routed(like key: String) -> RedisCommand {
        var command = self
        command.route = key
        return command
    }

    public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(bytes: UnsafeRawBufferPointer($0)) }
    }

    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append(bytes: $0) }
    }

    public mutating func append(_ integer: some FixedWidthInteger) {
        append(String(integer))
    }

    /// Makes room for arguments of so many bytes together.
    public mutating func reserve(_ count: Int) { body.reserveCapacity(body.count + count) }

    private mutating func append(bytes: UnsafeRawBufferPointer) {
        argumentCount += 1
        body.append(UInt8(ascii: "$"))
        body.appendDecimal(bytes.count)
        body.append(contentsOf: bytes)
        body.append(0x0D)
        body.append(0x0A)
    }

    /// Writes the whole command to `buffer`.
    public func encode(into buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt8(ascii: "*"))
        buffer.writeString(String(argumentCount))
        buffer.writeStaticString("\r\n")
        buffer.writeBytes(body)
    }
}

extension [UInt8] {
    /// Appends a number of 0 or more and the line end.
    fileprivate mutating func appendDecimal(_ number: Int) {
        if number < 10 {
            append(0x30 + UInt8(number))
        } else {
            append(contentsOf: String(number).utf8)
        }
        append(0x0D)
        append(0x0A)
    }
}
