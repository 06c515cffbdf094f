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

    /// - Parameter names: ids of all photos, as bytes.
    mutating func received(_ event: UnsafeRawBufferPointer, names: [[UInt8]], now: UInt64) {
        switch CountEvent.read(event) {
        case .other: return
        case .malformed: malformed += 1
        case .likes(let likes):
            let name = UnsafeRawBufferPointer(rebasing: event[likes.photo])
            guard let index = photos.firstIndex(where: { names[$0].elementsEqual(name) }) else {
                malformed += 1
                return
            }
            seen[index].note(at: now)
            // The newest state wins, as the event's version says.
            guard likes.version >= seen[index].version else {
                older += 1
                return
            }
            seen[index].count = likes.count
            seen[index].version = likes.version
        }
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
