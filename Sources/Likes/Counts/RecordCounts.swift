/// Counts that the record told of photos that Redis has never seen; pure.
///
/// Redis is asked first in any case, and as long as it knows nothing of a photo, nobody can have liked it in this life of
/// Redis's data, so these may be kept for a while: a feed of old photos does not ask the record again and again.
struct RecordCounts {
    private struct Entry {
        /// `nil`: the record does not know the photo.
        let count: Int64?
        let readAt: UInt64
        let life: String
    }

    private var young: [String: Entry] = [:]
    private var old: [String: Entry] = [:]
    private let generationMax: Int
    private let ageMax: UInt64

    /// - Parameters:
    ///   - limit: photos remembered, 2 or more.
    ///   - ageMax: nanoseconds.
    init(limit: Int, ageMax: UInt64) {
        generationMax = max(1, limit / 2)
        self.ageMax = ageMax
    }

    var count: Int { young.count + old.count }

    /// What the record told, if that is not too old.
    ///
    /// - Parameter life: names the life of Redis's data; `nil` when it is not known.
    func count(of photo: String, life: String?, now: UInt64) -> Int64?? {
        guard let entry = young[photo] ?? old[photo], now &- entry.readAt <= ageMax, entry.life == life else {
            return nil
        }
        return .some(entry.count)
    }

    mutating func note(_ count: Int64?, of photo: String, life: String?, at now: UInt64) {
        guard let life else { return }
        if young.count >= generationMax {
            old = young
            young = [:]
        }
        young[photo] = Entry(count: count, readAt: now, life: life)
    }
}
