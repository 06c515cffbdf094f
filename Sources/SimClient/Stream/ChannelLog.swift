internal import Audience

/// The newest comments of one channel, byte for byte as they were received first.
///
/// All viewers of a channel get the same bytes. What one viewer's frames were parsed for, the others compare: a match
/// with the next bytes of the log means "the next comments, contiguous and correct" for the price of a memcmp, however
/// many comments the bytes hold.
///
/// The log is contiguous: it holds the offsets `first...last` of one epoch. Places in it are counted in bytes over its
/// whole life, so that they stay good when the oldest part is dropped. Memory is bounded by `bytesMax` plus what one
/// read brings: the owner calls ``dropOldest()`` as soon as ``isFull``, and ``restart()`` when the log wants it; only the
/// owner can first move the viewers away that stand in a frame that goes. With `bytesMax` 0 nothing is held: a log does
/// not help a channel with one viewer.
struct ChannelLog: Sendable {
    var bytesMax: Int
    /// Offsets of the comments when their ids have none; `nil` when their ids are positions.
    var index: CommentIndex?

    /// The epochs that were seen, by number: viewers keep the number.
    private(set) var epochs: [String] = []
    /// The text at each place, of all that arrived.
    private(set) var texts = ReceivedTexts()
    /// The epoch of the comments that are held; `nil` before the first.
    private(set) var epochNumber: Int?
    /// A viewer received something that the log cannot continue with: a newer epoch, or an offset beyond the next one.
    private(set) var wantsRestart = false
    /// Offset of the oldest comment that is held.
    private(set) var first: UInt64 = 1
    /// Place of the log's first byte.
    private(set) var start: UInt64 = 0
    private var bytes: [UInt8] = []
    /// Of each comment, the place behind its frame.
    private var ends: [UInt64] = []
    /// Of each comment, when it was sent; `nil` when it does not say.
    private var times: [CommentText.SendTime?] = []
    /// Viewers that completed each comment in this pass, as differences to the comment before: one viewer's run of
    /// comments costs two additions. One longer than `ends`.
    private var arrivals: [Int32] = [0]
    private var dirty: Range<Int>?

    /// More epochs than this in one run are not told apart any more, and their viewers only use the parser.
    static let epochsMax = 64

    init(bytesMax: Int, streamProtocol: StreamProtocol = .chorus) {
        self.bytesMax = bytesMax
        index = streamProtocol == .plain ? CommentIndex() : nil
    }

    var isEmpty: Bool { ends.isEmpty }
    /// Offset of the newest comment; one before `first` when the log is empty.
    var last: UInt64 { first + UInt64(ends.count) - 1 }
    /// Place behind the newest byte.
    var end: UInt64 { start + UInt64(bytes.count) }
    var isFull: Bool { bytes.count > bytesMax }

    /// The number of an epoch, which is made known if it is new; `nil` when there are too many.
    mutating func number(ofEpoch epoch: UnsafeRawBufferPointer) -> Int? {
        if let known = epochs.lastIndex(where: { $0.utf8.elementsEqual(epoch) }) { return known }
        guard epochs.count < ChannelLog.epochsMax else { return nil }
        epochs.append(String(decoding: epoch, as: UTF8.self))
        return epochs.count - 1
    }

    /// Takes a comment that a viewer's frame was parsed for. Says whether the log holds that offset now; it does not when
    /// it is older than all that is held, or newer than the next one.
    mutating func take(_ frame: UnsafeRawBufferPointer, offset: UInt64, epoch: Int) -> Bool {
        guard bytesMax > 0, !wantsRestart else { return false }
        if isEmpty {
            epochNumber = epoch
            first = offset
        }
        guard epoch == epochNumber else {
            wantsRestart = epoch > epochNumber ?? -1
            return false
        }
        if offset == last + 1 { append(frame) }
        wantsRestart = offset > last
        return holds(offset)
    }

    private mutating func append(_ frame: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: frame)
        ends.append(end)
        times.append(CommentText.sendTime(in: frame))
        arrivals.append(0)
    }

    /// Notes the text of a comment that a viewer's frame was parsed for; `false` when another one stands at this place.
    mutating func note(_ frame: UnsafeRawBufferPointer, offset: UInt64, epoch: Int) -> Bool {
        texts.note(offset: offset, epoch: epoch, digest: CommentText.digest(in: frame))
    }

    /// Forgets all comments; every place that was given out before is no place of the log then.
    mutating func restart() {
        start = end + 1
        bytes.removeAll()
        ends.removeAll()
        times.removeAll()
        arrivals = [0]
        dirty = nil
        epochNumber = nil
        wantsRestart = false
    }
}

// MARK: - Places

extension ChannelLog {
    /// The place where the frame after the comment at `offset` begins or will begin; `nil` when that is not held.
    func place(after offset: UInt64) -> UInt64? {
        guard !isEmpty, offset &+ 1 >= first, offset <= last else { return nil }
        return offset + 1 == first ? start : ends[Int(offset - first)]
    }

    func holds(_ offset: UInt64) -> Bool { !isEmpty && offset >= first && offset <= last }

    /// Offset of the last comment that ends at or before `place`, searched from `offset` on.
    func lastOffset(endingBy place: UInt64, from offset: UInt64) -> UInt64 {
        if place == end { return last }
        var low = Int(offset &+ 1 - first)
        var high = ends.count
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] <= place { low = middle + 1 } else { high = middle }
        }
        return first + UInt64(low) - 1
    }

    /// How many of the first bytes of `incoming` are the log's bytes from `place` on. `place` must be in the log.
    func matches(_ incoming: UnsafeRawBufferPointer, at place: UInt64) -> Int {
        let index = Int(place - start)
        let count = min(incoming.count, bytes.count - index)
        guard count > 0 else { return 0 }
        return bytes.withUnsafeBytes { held in
            let held = UnsafeRawBufferPointer(rebasing: held[index..<(index + count)])
            return held.isEqual(to: incoming) ? count : held.commonPrefix(with: incoming)
        }
    }

    /// Whether the comment at `offset`, which is held, has exactly these bytes.
    func isFrame(_ frame: UnsafeRawBufferPointer, at offset: UInt64) -> Bool {
        guard let begin = place(after: offset - 1), ends[Int(offset - first)] - begin == UInt64(frame.count) else {
            return false
        }
        return matches(frame, at: begin) == frame.count
    }

    func copy(_ range: Range<UInt64>) -> [UInt8] {
        Array(bytes[Int(range.lowerBound - start)..<Int(range.upperBound - start)])
    }
}

// MARK: - Arrivals

extension ChannelLog {
    /// Notes that one viewer now has the comments of `offsets`. Those that are not held are ignored.
    mutating func arrived(_ offsets: ClosedRange<UInt64>) {
        guard holds(offsets.lowerBound), holds(offsets.upperBound) else { return }
        let low = Int(offsets.lowerBound - first)
        let high = Int(offsets.upperBound - first)
        arrivals[low] += 1
        arrivals[high + 1] -= 1
        let known = dirty ?? low..<(high + 1)
        dirty = min(known.lowerBound, low)..<max(known.upperBound, high + 1)
    }

    /// Hands out the time of sending and the number of viewers of each comment that arrived since the last call.
    mutating func takeArrivals(_ body: (_ sent: CommentText.SendTime, _ viewers: Int) -> Void) {
        guard let range = dirty else { return }
        dirty = nil
        var viewers = 0
        for index in range {
            viewers += Int(arrivals[index])
            arrivals[index] = 0
            if viewers > 0, let sent = times[index] { body(sent, viewers) }
        }
        arrivals[range.upperBound] = 0
    }

    /// The place from which the log begins once ``dropOldest()`` was called: about the newer half of it.
    var startAfterDrop: UInt64 {
        guard isFull else { return start }
        let middle = start + UInt64(bytes.count / 2)
        return place(after: lastOffset(endingBy: middle, from: first &- 1)) ?? start
    }

    /// Drops about the older half. The owner has moved everybody away who stood in the middle of a dropped frame, and
    /// has taken the arrivals.
    mutating func dropOldest() {
        let newStart = startAfterDrop
        let count = Int(lastOffset(endingBy: newStart, from: first &- 1) &+ 1 - first)
        bytes.removeFirst(Int(newStart - start))
        ends.removeFirst(count)
        times.removeFirst(count)
        arrivals = Array(repeating: 0, count: ends.count + 1)
        dirty = nil
        first += UInt64(count)
        start = newStart
    }
}
