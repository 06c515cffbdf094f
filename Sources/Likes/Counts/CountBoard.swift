/// What this process remembers of photos' parts; pure.
///
/// A part only moves forward, by version, so it does not matter in which order answers and reads come back. The table
/// is bounded: photos are kept in two generations, and the older one is forgotten when the younger one is full.
struct CountBoard {
    private struct Entry {
        var states: [PartState?]
        /// When the last read of all parts was sent.
        var readAt: UInt64?
    }

    private var young: [String: Entry] = [:]
    private var old: [String: Entry] = [:]
    private let parts: Int
    private let generationMax: Int
    private let ageMax: UInt64

    /// - Parameters:
    ///   - limit: photos remembered, 2 or more.
    ///   - ageMax: nanoseconds after which a read of all parts no longer counts.
    init(parts: Int, limit: Int, ageMax: UInt64) {
        self.parts = parts
        self.generationMax = max(1, limit / 2)
        self.ageMax = ageMax
    }

    var count: Int { young.count + old.count }

    /// The photo's total when all parts were read within `ageMax`; what was noted since is in it.
    mutating func total(of photo: String, now: UInt64) -> PhotoTotal? {
        guard let entry = entry(photo), let readAt = entry.readAt, now &- readAt <= ageMax else { return nil }
        return PhotoTotal(summing: entry.states)
    }

    /// One part as a call has just left it.
    mutating func note(_ state: PartState, of photo: String, part: Int) {
        update(photo) { Self.advance(&$0.states[part], to: state) }
    }

    /// All parts, as a read brought them that was sent at `now`.
    mutating func read(_ states: [PartState?], of photo: String, at now: UInt64) -> PhotoTotal {
        update(photo) { entry in
            for part in states.indices { Self.advance(&entry.states[part], to: states[part]) }
            entry.readAt = max(entry.readAt ?? 0, now)
            return PhotoTotal(summing: entry.states)
        }
    }

    /// Redis lost its data, or was repaired by hand: nothing that was remembered counts any more.
    mutating func forget(_ photo: String) {
        young[photo] = nil
        old[photo] = nil
    }

    private static func advance(_ known: inout PartState?, to new: PartState?) {
        guard let new else { return }
        if let held = known, held.version > new.version { return }
        known = new
    }

    private mutating func entry(_ photo: String) -> Entry? {
        if let entry = young[photo] { return entry }
        guard let entry = old.removeValue(forKey: photo) else { return nil }
        insert(entry, photo)
        return entry
    }

    private mutating func update<Value>(_ photo: String, _ body: (inout Entry) -> Value) -> Value {
        if young[photo] == nil {
            insert(old.removeValue(forKey: photo) ?? Entry(states: Array(repeating: nil, count: parts)), photo)
        }
        return body(&young[photo, default: Entry(states: Array(repeating: nil, count: parts))])
    }

    private mutating func insert(_ entry: Entry, _ photo: String) {
        if young.count >= generationMax {
            old = young
            young = [:]
        }
        young[photo] = entry
    }
}
