/// How many likes of a photo are in one partition, and since when: the value of a field of ``PartitionKeys/sizes``.
///
/// Written only with the set's own size, in the call that changed the set, so it cannot drift from the set; and it
/// outlives the set, so that a count needs no set.
public struct PartitionState: Hashable, Sendable {
    public var size: Int64
    /// Rises with every change. In units of 100 µs since 2025, not below the time of the change: it goes on rising when
    /// Redis has lost its data, and the sum over the partitions fits into JavaScript's numbers.
    public var version: Int64
    /// The size was read from the database, and the set has never been in this Redis.
    public var isSizeOnly = false

    /// The version that belongs to a time; microseconds since 1970-01-01T00:00:00Z.
    static func version(at microseconds: Int64) -> Int64 { (microseconds - 1_735_689_600_000_000) / 100 }
}

extension PartitionState {
    /// `nil` for anything but `<size>:<version>` with an optional `c` and, from the second on, an optional
    /// `:<generation>`; and for a size of another generation. A feed's page has some thousand of these.
    init?(bytes: [UInt8], generation: Int = 0) {
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3 else { return nil }
        let isSizeOnly = parts[1].last == UInt8(ascii: "c")
        guard let size = Self.number(parts[0]), let version = Self.number(isSizeOnly ? parts[1].dropLast() : parts[1]),
            parts.count == 2 ? generation == 0 : Self.number(parts[2]) == Int64(generation)
        else { return nil }
        self.init(size: size, version: version, isSizeOnly: isSizeOnly)
    }

    /// 1 to 15 digits, and nothing else: the sum over 1,024 partitions must not overflow, whoever wrote them.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard (1...15).contains(digits.count) else { return nil }
        var number: Int64 = 0
        for digit in digits {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            number = number * 10 + Int64(digit - 0x30)
        }
        return number
    }
}

/// A photo's likes.
public struct PhotoTotal: Hashable, Sendable {
    public var count: Int64
    /// Larger is newer; the sum of the partitions' versions, which rises whenever any of them changes.
    public var version: Int64
}

extension PhotoTotal {
    /// The sum over the partitions; one that is not known counts as empty.
    init(summing states: some Sequence<PartitionState?>) {
        self.init(count: 0, version: 0)
        for case .some(let state) in states {
            count += state.size
            version += state.version
        }
    }
}
