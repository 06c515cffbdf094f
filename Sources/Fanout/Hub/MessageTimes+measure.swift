internal import Broker
internal import Primitives
internal import Wire

extension MessageTimes {
    private static let member = Array("\"timestamp\":\"".utf8)
    /// What follows a comment's timestamp: its id.
    private static let tailMax = 256

    /// Writes down when comments came, and returns how old each of them was, in nanoseconds. One that is older than this was
    /// not made just now, or by a clock that is wrong.
    static let ageMax: UInt64 = 600_000_000_000

    static func measure(_ messages: inout [BrokerMessage]) -> [UInt64] {
        let (wall, now) = (WallClock.nanoseconds(), MonotonicClock.now())
        var ages: [UInt64] = []
        for index in messages.indices where messages[index].position != nil && messages[index].channel.kind == .video {
            guard let made = timestamp(in: messages[index].frame) else { continue }
            let age = wall - min(wall, UInt64(max(0, made)) * 1_000_000)
            guard age <= ageMax, age <= now else { continue }
            ages.append(age)
            messages[index].times = MessageTimes(received: now, published: now - age)
        }
        return ages
    }

    /// A comment's own; in a text it cannot stand, since its quotes would be escaped.
    static func timestamp(in frame: [UInt8]) -> Int64? {
        let tail = frame.suffix(tailMax)
        guard var start = tail.indices.dropLast(member.count + 24).last(where: { tail[$0...].starts(with: member) })
        else { return nil }
        start += member.count
        return Timestamp.milliseconds(utf8: tail[start..<start + 24])
    }
}
