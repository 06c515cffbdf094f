public import Wire

/// One log event as the history holds it.
public struct HistoryEntry: Hashable, Sendable {
    public let offset: UInt64
    /// The complete frame, id line included: the same bytes that subscribers got.
    public let frame: [UInt8]

    public init(offset: UInt64, frame: [UInt8]) {
        self.offset = offset
        self.frame = frame
    }
}

/// A part of a channel's log, read in one atomic step.
public struct HistoryPage: Hashable, Sendable {
    /// The newest position at the time of reading; `nil` when nobody has written (then there are no entries).
    ///
    /// It may lie *before* the offset asked for: Redis came back with less than it had acknowledged. Then nothing
    /// is new; the next event gets an offset above all that were ever used in this epoch, unless ``continuesHere``.
    public let position: Position?
    /// `position` lies before the offset asked for, and the next event will follow it all the same: the offsets from there
    /// on were given out by a master that had been replaced, and are given out anew. Whoever has them has to be told.
    public var continuesHere = false
    /// Oldest first; all of the epoch of `position`.
    public let entries: [HistoryEntry]
    /// Offsets in the asked range that existed (or must be taken to have existed) and are gone: trimmed, expired,
    /// evicted, lost by Redis. Ascending, not overlapping. Empty: the page is whole.
    ///
    /// Do not work this out from the offsets of entries. They have holes where a comment was removed, and after a
    /// restart of Redis they jump by multiples of ``PositionRule/restartStep``; neither is a loss.
    public let missing: [ClosedRange<UInt64>]
    /// The limit was reached and there is more: ask again after the last entry.
    public let isCut: Bool

    public init(position: Position?, entries: [HistoryEntry], missing: [ClosedRange<UInt64>] = [], isCut: Bool = false)
    {
        self.position = position
        self.entries = entries
        self.missing = missing
        self.isCut = isCut
    }

    /// What a channel that nobody has written to holds.
    public static let empty = HistoryPage(position: nil, entries: [])
}
