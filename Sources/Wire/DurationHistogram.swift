/// How often durations were how long, in buckets: 12 for each power of ten, from 10 microseconds to 100 seconds. Two of them
/// are merged by adding their counts, so that percentiles of many processes are those of all that was measured.
public struct DurationHistogram: Equatable, Sendable {
    /// Upper bounds of a decade's buckets, E12 of IEC 60063: each a fifth more than the one before.
    private static let decade: [UInt64] = [10, 12, 15, 18, 22, 27, 33, 39, 47, 56, 68, 82]
    /// Upper bounds in nanoseconds; what is above the last one has a bucket of its own.
    public static let bounds: [UInt64] = {
        var bounds: [UInt64] = []
        var scale: UInt64 = 1_000
        for _ in 0..<7 {
            bounds += decade.map { $0 * scale }
            scale *= 10
        }
        return bounds + [100_000_000_000]
    }()

    /// By bucket; empty as long as nothing was recorded.
    public private(set) var counts: [UInt64] = []
    public private(set) var sumNanoseconds: UInt64 = 0

    public init() {}

    public var count: UInt64 { counts.reduce(0, &+) }

    public mutating func record(nanoseconds: UInt64) {
        prepare()
        counts[Self.bucket(of: nanoseconds)] += 1
        sumNanoseconds &+= nanoseconds
    }

    private mutating func prepare() {
        if counts.isEmpty { counts = Array(repeating: 0, count: Self.bounds.count + 1) }
    }

    private static func bucket(of nanoseconds: UInt64) -> Int {
        var (low, high) = (0, bounds.count)
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] < nanoseconds { low = middle + 1 } else { high = middle }
        }
        return low
    }

    public mutating func add(_ other: DurationHistogram) {
        guard !other.counts.isEmpty else { return }
        prepare()
        for bucket in counts.indices { counts[bucket] &+= other.counts[bucket] }
        sumNanoseconds &+= other.sumNanoseconds
    }

    /// What came since `earlier`; `nil` when that is none of the same process.
    public func since(_ earlier: DurationHistogram) -> DurationHistogram? {
        guard !earlier.counts.isEmpty else { return self }
        guard !counts.isEmpty, zip(counts, earlier.counts).allSatisfy({ $0 >= $1 }) else { return nil }
        var difference = self
        for bucket in counts.indices { difference.counts[bucket] -= earlier.counts[bucket] }
        difference.sumNanoseconds = sumNanoseconds &- earlier.sumNanoseconds
        return difference
    }

    /// The upper bound of the bucket with the nearest rank, in seconds; `nil` when nothing was recorded. Too large by a fifth
    /// at most. What is above the last bound is infinite.
    public func quantile(_ part: Double) -> Double? {
        let all = count
        guard all > 0 else { return nil }
        let rank = max(1, UInt64((part * Double(all)).rounded(.up)))
        var seen: UInt64 = 0
        for (bucket, count) in counts.enumerated() {
            seen += count
            guard seen >= rank else { continue }
            return bucket < Self.bounds.count ? Double(Self.bounds[bucket]) / 1e9 : .infinity
        }
        return nil
    }
}

/// As an object: `sum` in nanoseconds, and `counts` of the buckets that are not empty, by number.
extension DurationHistogram: Codable {
    private enum CodingKeys: String, CodingKey {
        case sum, counts
    }

    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        let sparse = try members.decode([String: UInt64].self, forKey: .counts)
        sumNanoseconds = try members.decode(UInt64.self, forKey: .sum)
        guard !sparse.isEmpty else { return }
        prepare()
        for (bucket, count) in sparse {
            guard let bucket = Int(bucket), counts.indices.contains(bucket), count < 1 << 48 else {
                throw DecodingError.dataCorruptedError(
                    forKey: .counts, in: members, debugDescription: "a histogram has no such bucket")
            }
            counts[bucket] = count
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        let filled = counts.enumerated().filter { $0.element > 0 }.map { (String($0.offset), $0.element) }
        try members.encode(Dictionary(uniqueKeysWithValues: filled), forKey: .counts)
        try members.encode(sumNanoseconds, forKey: .sum)
    }
}
