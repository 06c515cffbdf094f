/// What one viewer knows of the photos it follows. Pure: times are parameters.
struct PhotoViewer: Sendable {
    struct Seen: Equatable, Sendable {
        var count: Int64 = -1
        var version: Int64 = -1
        var updates = 0
        var first: UInt64 = 0
        var last: UInt64 = 0
        /// The second of the clock in which the last update came, and how many came in it.
        private var second: UInt64 = 0
        private var inSecond = 0
        private(set) var inSecondMost = 0

        mutating func note(at now: UInt64) {
            updates += 1
            if updates == 1 { first = now }
            last = now
            if now / 1_000_000_000 != second {
                second = now / 1_000_000_000
                inSecond = 0
            }
            inSecond += 1
            inSecondMost = max(inSecondMost, inSecond)
        }

        /// Updates a second after the first one, which tells what was; 0 before a second has passed.
        var perSecond: Double {
            guard last >= first + 1_000_000_000 else { return 0 }
            return Double(updates - 1) / (Double(last - first) / 1e9)
        }
    }

    /// Numbers of the photos it follows.
    let photos: [Int]
    var seen: [Seen]
    private(set) var older = 0
    private(set) var malformed = 0

    init(photos: [Int]) {
        self.photos = photos
        seen = Array(repeating: Seen(), count: photos.count)
    }

    /// Takes one event; how many counts it brought.
    ///
    /// - Parameter names: ids of all photos, as bytes.
    mutating func received(_ event: UnsafeRawBufferPointer, names: [[UInt8]], now: UInt64) -> Int {
        switch CountEvent.read(event) {
        case .other: break
        case .malformed: malformed += 1
        case .likes(let likes):
            let name = UnsafeRawBufferPointer(rebasing: event[likes.photo])
            guard let index = photos.firstIndex(where: { names[$0].elementsEqual(name) }) else {
                malformed += 1
                break
            }
            seen[index].note(at: now)
            // The newest state wins, as the event's version says.
            if likes.version >= seen[index].version {
                (seen[index].count, seen[index].version) = (likes.count, likes.version)
            } else {
                older += 1
            }
            return 1
        }
        return 0
    }

    /// Photos whose last value is not the one that must be.
    func wrong(_ counts: [Int64]) -> Int {
        zip(photos, seen).count { photo, seen in seen.count != counts[photo] }
    }

    /// Photos of a viewer: the first, which may be the hot one, and those that follow in turn.
    static func page(of viewer: Int, photos: Int, each: Int) -> [Int] {
        let each = min(max(1, each), photos)
        guard photos > 1 else { return [0] }
        let others = (0..<(each - 1)).map { 1 + (viewer * (each - 1) + $0) % (photos - 1) }
        return [0] + others
    }
}

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

    /// One event, up to and with the empty line at its end.
    static func read(_ event: UnsafeRawBufferPointer) -> Kind {
        guard event.starts(with: "event: likes\n".utf8) else { return .other }
        guard let photo = event.behind("\"photoid\":\""),
            let end = event.firstIndex(of: UInt8(ascii: "\""), from: photo), end > photo,
            var index = event.behind("\"count\":"), let count = event.number(at: &index),
            var next = event.behind("\"version\":"), let version = event.number(at: &next)
        else { return .malformed }
        return .likes(CountEvent(photo: photo..<end, count: Int64(count), version: Int64(version)))
    }
}
