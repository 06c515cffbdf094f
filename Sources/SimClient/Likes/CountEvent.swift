/// A photo's count as a viewer gets it: `event: likes`, `data: {"photoid":"p9","count":1204,"version":88}`.
struct CountEvent: Equatable {
    /// Where the photo's id stands in the event's bytes.
    var photo: Range<Int>
    var count: Int64
    var version: Int64

    enum Kind: Equatable {
        case likes(CountEvent)
        /// A heartbeat, the greeting, a word about reconnecting.
        case other
        case malformed
    }

    /// One event, without the empty line at its end.
    static func read(_ event: UnsafeRawBufferPointer) -> Kind {
        guard event.starts(with: "event: likes\n".utf8) else { return .other }
        guard let photo = text(after: "\"photoid\":\"", in: event), let count = number(after: "\"count\":", in: event),
            let version = number(after: "\"version\":", in: event)
        else { return .malformed }
        return .likes(CountEvent(photo: photo, count: count, version: version))
    }

    private static func text(after name: StaticString, in event: UnsafeRawBufferPointer) -> Range<Int>? {
        guard let start = end(of: name, in: event),
            let end = event[start...].firstIndex(of: UInt8(ascii: "\"")), end > start
        else { return nil }
        return start..<end
    }

    private static func number(after name: StaticString, in event: UnsafeRawBufferPointer) -> Int64? {
        guard let start = end(of: name, in: event) else { return nil }
        var number: Int64?
        for byte in event[start...] {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte, number ?? 0 < 1 << 53 else { break }
            number = (number ?? 0) * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return number
    }

    private static func end(of name: StaticString, in event: UnsafeRawBufferPointer) -> Int? {
        let count = name.utf8CodeUnitCount
        guard event.count >= count else { return nil }
        for start in 0...(event.count - count)
        where event[start] == name.utf8Start[0] && (1..<count).allSatisfy({ event[start + $0] == name.utf8Start[$0] }) {
            return start + count
        }
        return nil
    }
}
