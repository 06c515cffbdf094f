import Primitives

/// What this process remembers of photos' partitions; pure.
///
/// A partition only moves forward, by version, so it does not matter in which order answers and reads come back. That
/// holds within the data that Redis has: when it has lost some, what was seen last is right.
struct CountBoard {
    private struct Held {
        var state: PartitionState
        /// Of the data that it was part of.
        var identity: String
        /// When it was known to Redis.
        var at: UInt64
    }

    private struct Entry {
        var held: [Held?]
        /// When the last read of all partitions was sent.
        var readAt: UInt64?
    }

    private var photos: GenerationCache<String, Entry>
    private let partitions: Int
    private let ageMax: UInt64

    /// - Parameters:
    ///   - limit: photos remembered, 2 or more.
    ///   - ageMax: nanoseconds after which a read of all partitions no longer counts.
    init(partitions: Int, limit: Int, ageMax: UInt64) {
        photos = GenerationCache(limit: limit)
        self.partitions = partitions
        self.ageMax = ageMax
    }

    var count: Int { photos.count }

    /// The photo's total when all partitions were read within `ageMax`; what was noted since is in it.
    mutating func total(of photo: String, now: UInt64) -> PhotoTotal? {
        photos.touch(photo)
        guard let entry = photos[photo], let readAt = entry.readAt, now &- readAt <= ageMax else { return nil }
        return PhotoTotal(summing: entry.held.map { $0?.state })
    }

    /// One partition as a call has just left it.
    ///
    /// - Parameters:
    ///   - identity: of the data, see ``PartitionStore/Reading/identity(_:)``.
    ///   - now: when the answer came.
    mutating func note(_ state: PartitionState, of photo: String, partition: Int, identity: String, at now: UInt64) {
        update(photo) { entry in
            if let held = entry.held[partition], held.identity == identity, held.state.version > state.version {
                return
            }
            entry.held[partition] = Held(state: state, identity: identity, at: now)
        }
    }

    /// All partitions, as a read brought them that was sent at `now`.
    mutating func read(
        _ states: [PartitionState?], identities: [String], of photo: String, at now: UInt64
    ) -> PhotoTotal {
        update(photo) { entry in
            for (partition, state) in states.enumerated() {
                if let held = entry.held[partition] {
                    let isSame = held.identity == identities[partition]
                    // A read that was sent before the answer came may have been served before it, too.
                    if isSame ? (state?.version ?? -1) < held.state.version : now < held.at { continue }
                }
                entry.held[partition] = state.map { Held(state: $0, identity: identities[partition], at: now) }
            }
            entry.readAt = max(entry.readAt ?? 0, now)
            return PhotoTotal(summing: entry.held.map { $0?.state })
        }
    }

    private mutating func update<Value>(_ photo: String, _ body: (inout Entry) -> Value) -> Value {
        photos.update(photo, initial: Entry(held: Array(repeating: nil, count: partitions)), body)
    }
}

/// Counts of photos that Redis has never seen, as the database gave them; pure.
///
/// Redis is asked first in any case, and as long as it knows nothing of a photo, nobody can have liked it in this
/// generation of Redis's data, so these may be kept for a while: a feed of old photos does not ask the database again and
/// again.
struct DatabaseCounts {
    private struct Entry {
        /// `nil`: the database does not know the photo.
        let count: Int64?
        let readAt: UInt64
        let generation: String
    }

    private var photos: GenerationCache<String, Entry>
    private let ageMax: UInt64

    /// - Parameters:
    ///   - limit: photos remembered, 2 or more.
    ///   - ageMax: nanoseconds.
    init(limit: Int, ageMax: UInt64) {
        photos = GenerationCache(limit: limit)
        self.ageMax = ageMax
    }

    var count: Int { photos.count }

    /// What the database said, if that is not too old.
    ///
    /// - Parameter generation: of Redis's data; `nil` when it is not known.
    func count(of photo: String, generation: String?, now: UInt64) -> Int64?? {
        guard let entry = photos[photo], now &- entry.readAt <= ageMax, entry.generation == generation else {
            return nil
        }
        return .some(entry.count)
    }

    mutating func note(_ count: Int64?, of photo: String, generation: String?, at now: UInt64) {
        guard let generation else { return }
        photos[photo] = Entry(count: count, readAt: now, generation: generation)
    }
}
