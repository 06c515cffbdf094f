internal import BitCollections

/// Who is subscribed to what, as bits: a row for each Reader, a column for each channel by its id, and the changes from one
/// version to the next. Pure.
///
/// 90,000 channels and 14 Readers are 157,500 bytes. A change is carried as XOR of the bytes that changed, and is bounded:
/// what does not fit follows with the next one, round and round the rows, so that no row waits behind another.
struct SubscriptionMap {
    /// Rows; Readers beyond them are not in the map.
    static let rowsMax = 64
    /// Bytes of one change.
    static let changeBytesMax = 9_000
    /// Unchanged bytes between two changed ones that are sent rather than skipped.
    private static let gapMax = 2

    struct Row: Equatable {
        var reader: String
        /// What everybody who follows the map has.
        fileprivate(set) var known: [UInt8] = []
        /// What it shall be.
        fileprivate var wanted: [UInt8] = []
        fileprivate var revision = -1
        fileprivate var isGone = false
    }

    private(set) var version = 0
    /// By slot; `nil` where no Reader is.
    private(set) var rows: [Row?] = []
    private var next = (slot: 0, byte: 0)

    /// Columns.
    var columns: Int { 8 * (rows.lazy.compactMap { $0?.known.count }.max() ?? 0) }

    /// Bytes that are not as they shall be.
    var behind: Int {
        rows.reduce(0) { sum, row in
            guard let row, row.known != row.wanted else { return sum }
            return sum + (0..<max(row.known.count, row.wanted.count)).count { row.known.at($0) != row.wanted.at($0) }
        }
    }

    /// The rows as they shall be. A row whose revision is that of the last call is as it was.
    mutating func want(_ readers: [(id: String, subscribed: BitSet, revision: Int)]) {
        let named = Set(readers.map(\.id))
        for (slot, row) in rows.enumerated() {
            guard let row, !named.contains(row.reader) else { continue }
            rows[slot]?.isGone = true
            rows[slot]?.wanted = []
        }
        for (id, subscribed, revision) in readers {
            guard let slot = slot(of: id), rows[slot]?.revision != revision || rows[slot]?.isGone == true else {
                continue
            }
            rows[slot]?.isGone = false
            rows[slot]?.revision = revision
            rows[slot]?.wanted = Self.bytes(subscribed)
        }
    }

    private mutating func slot(of reader: String) -> Int? {
        if let known = rows.firstIndex(where: { $0?.reader == reader }) { return known }
        guard let free = rows.firstIndex(where: { $0 == nil }) ?? (rows.count < Self.rowsMax ? rows.count : nil) else {
            return nil
        }
        if free == rows.count { rows.append(nil) }
        rows[free] = Row(reader: reader)
        return free
    }

    private static func bytes(_ set: BitSet) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: ((set.max() ?? -1) + 8) / 8)
        set.forEach { bytes[$0 >> 3] |= 1 << UInt8($0 & 7) }
        return bytes
    }

    /// The next change, at most ``changeBytesMax`` and one row's header more; `nil` when nothing changed.
    ///
    /// Blocks of one row each: the slot, then runs of a varint of bytes to skip, a varint of bytes that follow, and those
    /// bytes; a run of no bytes ends the block.
    mutating func change() -> [UInt8]? {
        var change: [UInt8] = []
        for turn in 0..<rows.count {
            let slot = (next.slot + turn) % rows.count
            let isCut = append(slot, from: turn == 0 ? next.byte : 0, to: &change)
            if let isCut {
                next = (slot, isCut)
                break
            }
            if turn == rows.count - 1, next.byte > 0 {
                // The part of the first row before the byte where it began.
                next = (next.slot, append(next.slot, from: 0, to: &change) ?? 0)
            }
        }
        releaseGone()
        guard !change.isEmpty else { return nil }
        version += 1
        return change
    }

    /// Everything at once, for when nobody follows.
    mutating func catchUp() {
        while change() != nil {}
    }

    /// The byte at which the change was full; `nil` when the row is done.
    private mutating func append(_ slot: Int, from start: Int, to change: inout [UInt8]) -> Int? {
        guard var row = rows[slot] else { return nil }
        // Rows that are as they shall be, mostly: one comparison of memory.
        guard row.known != row.wanted else { return nil }
        let end = max(row.known.count, row.wanted.count)
        row.known += Array(repeating: 0, count: end - row.known.count)
        rows[slot] = nil
        defer {
            while row.known.last == 0 { row.known.removeLast() }
            while row.wanted.last == 0 { row.wanted.removeLast() }
            rows[slot] = row
        }
        var (byte, last, isBegun) = (start, 0, false)
        while let from = (byte..<max(end, byte)).first(where: { row.known[$0] != row.wanted.at($0) }) {
            guard change.count < Self.changeBytesMax else {
                if isBegun { change += [0, 0] }
                return from
            }
            var (to, same) = (from, 0)
            while to + same < end, same <= Self.gapMax, to - from < Self.changeBytesMax / 4 {
                if row.known[to + same] == row.wanted.at(to + same) {
                    same += 1
                } else {
                    to += same + 1
                    same = 0
                }
            }
            if !isBegun { change.append(UInt8(slot)) }
            isBegun = true
            change.append(varint: from - last)
            change.append(varint: to - from)
            for index in from..<to {
                change.append(row.known[index] ^ row.wanted.at(index))
                row.known[index] = row.wanted.at(index)
            }
            (byte, last) = (to, to)
        }
        if isBegun { change += [0, 0] }
        return nil
    }

    /// The slot of a Reader that is gone is free when everybody knows that its row is empty.
    private mutating func releaseGone() {
        for (slot, row) in rows.enumerated() {
            if let row, row.isGone, row.known.isEmpty { rows[slot] = nil }
        }
        while let last = rows.last, last == nil { rows.removeLast() }
    }
}

extension [UInt8] {
    /// Rows end with their last bit.
    fileprivate func at(_ index: Int) -> UInt8 { index < count ? self[index] : 0 }

    /// Seven bits a byte, the lowest first.
    fileprivate mutating func append(varint value: Int) {
        var value = value
        while value > 127 {
            append(UInt8(value & 127 | 128))
            value >>= 7
        }
        append(UInt8(value))
    }
}
