/// Builds what comes over a connection in subscribe mode, without a value per element: a message costs its channel's
/// string and its payload's array, nothing else.
final class PushBuilder: ReplyBuilder {
    /// Neighbours of one kind are one segment, so that the order among kinds is kept and most reads are one segment.
    enum Segment: Equatable {
        case messages([RedisMessage])
        case subscribed([String])
        case unsubscribed([String])
        /// The answer to a command that is none of subscribe and unsubscribe.
        case answered
        case pong
        case refused(RedisError)
    }

    private enum Kind {
        case message, subscribe, unsubscribe, pong, other
    }

    private var segments: [Segment] = []
    private var messages: [RedisMessage] = []
    private var acknowledged: [String] = []
    private var acknowledgedKind = Kind.other
    private var kind = Kind.other
    private var channel = ""

    /// Everything read since the last call, in order.
    func take() -> [Segment] {
        endRun()
        defer { segments.removeAll(keepingCapacity: true) }
        return segments
    }

    override func string(_ bytes: UnsafeRawBufferPointer, kind stringKind: StringKind, at place: Place?) {
        guard let place else { return answer(bytes, stringKind) }
        switch place.index {
        case 0: kind = Self.kind(bytes)
        case 1: channel = kind == .pong ? "" : String(decoding: bytes, as: UTF8.self)
        default:
            if kind == .message { add(RedisMessage(channel: channel, payload: Array(bytes))) }
        }
        if kind == .pong, place.index == place.count - 1 { add(.pong) }
    }

    /// The third element of an acknowledgement: how many subscriptions the connection has.
    override func integer(_ value: Int64, at place: Place?) {
        guard place?.index == 2, kind == .subscribe || kind == .unsubscribe else { return }
        if !messages.isEmpty || acknowledgedKind != kind { endRun() }
        acknowledgedKind = kind
        acknowledged.append(channel)
    }

    private func answer(_ bytes: UnsafeRawBufferPointer, _ stringKind: StringKind) {
        let text = String(decoding: bytes, as: UTF8.self)
        switch stringKind {
        case .error: add(.refused(RedisError(serverText: text)))
        // Without a subscription the connection is not in subscribe mode, and PING is answered plainly.
        case .status, .bulk: add(text == "PONG" ? .pong : .answered)
        }
    }

    private func add(_ message: RedisMessage) {
        if !acknowledged.isEmpty { endRun() }
        messages.append(message)
    }

    private func add(_ segment: Segment) {
        endRun()
        segments.append(segment)
    }

    private func endRun() {
        if !messages.isEmpty {
            segments.append(.messages(messages))
            messages = []
        }
        if !acknowledged.isEmpty {
            segments.append(acknowledgedKind == .subscribe ? .subscribed(acknowledged) : .unsubscribed(acknowledged))
            acknowledged = []
        }
    }

    private static func kind(_ bytes: UnsafeRawBufferPointer) -> Kind {
        switch bytes.count {
        case 7 where bytes.elementsEqual("message".utf8): .message
        case 9 where bytes.elementsEqual("subscribe".utf8): .subscribe
        case 11 where bytes.elementsEqual("unsubscribe".utf8): .unsubscribe
        case 4 where bytes.elementsEqual("pong".utf8): .pong
        case 8 where bytes.elementsEqual("smessage".utf8): .message
        case 10 where bytes.elementsEqual("ssubscribe".utf8): .subscribe
        case 12 where bytes.elementsEqual("sunsubscribe".utf8): .unsubscribe
        default: .other
        }
    }
}
