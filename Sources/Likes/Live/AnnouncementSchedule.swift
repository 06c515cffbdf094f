/// Which photos have a count to be announced, and when; pure.
///
/// A photo that changes is announced at once if it has not been for an interval, else when the interval is over, with
/// the value of then: however many likes come, there are at most so many events a second, and the last value is always
/// among them.
struct AnnouncementSchedule {
    private struct Entry {
        var isDirty: Bool
        /// The earliest time of the next announcement.
        var notBefore: UInt64
        /// The newest version that was announced.
        var version: Int64
    }

    private var entries: [String: Entry] = [:]
    private let interval: UInt64
    private let limit: Int

    /// - Parameters:
    ///   - interval: nanoseconds between two announcements of one photo.
    ///   - limit: photos at a time.
    init(interval: UInt64, limit: Int) {
        self.interval = interval
        self.limit = limit
    }

    var isIdle: Bool { entries.isEmpty }

    /// A photo has changed. `false` when the table has no room for it.
    mutating func changed(_ photo: String) -> Bool {
        if entries[photo] != nil {
            entries[photo]?.isDirty = true
            return true
        }
        guard entries.count < limit else { return false }
        entries[photo] = Entry(isDirty: true, notBefore: 0, version: -1)
        return true
    }

    /// The photos whose count is to be read now. Each one must be answered by ``announced`` or ``deferred``.
    mutating func due(now: UInt64, limit: Int) -> [String] {
        var due: [String] = []
        for (photo, entry) in entries where entry.notBefore <= now {
            if !entry.isDirty {
                // Quiet for an interval: it may be announced at once the next time.
                entries[photo] = nil
            } else if due.count < limit {
                due.append(photo)
                entries[photo]?.isDirty = false
            }
        }
        return due
    }

    /// Whether this value says anything new; it is taken as said.
    mutating func announces(_ photo: String, version: Int64, now: UInt64) -> Bool {
        guard let entry = entries[photo] else { return true }
        entries[photo]?.notBefore = now + interval
        guard version > entry.version else { return false }
        entries[photo]?.version = version
        return true
    }

    /// It could not be announced: another process has used up the photo's share, or Redis is away.
    mutating func deferred(_ photo: String, now: UInt64, by pause: UInt64) {
        guard entries[photo] != nil else { return }
        entries[photo]?.isDirty = true
        entries[photo]?.notBefore = now + pause
    }
}
