/// What a viewer that comes back has missed, in its order.
///
/// The log itself is shared by everybody whom one reading of the history serves, whatever the positions; only what is
/// told to one viewer alone is its own.
struct MissedLog: Sendable {
    /// A reading of a history, and what it holds in memory until the last of its viewers has everything.
    struct Reading: Hashable, Sendable {
        let number: UInt64
        let bytes: Int
    }

    let reading: Reading
    private var opening: ArraySlice<Frame>
    private var log: ArraySlice<Frame>
    private var closing: ArraySlice<Frame>

    /// - Parameters:
    ///   - opening: told to this viewer before the log: a gap that ends or begins at its own position.
    ///   - closing: likewise, after the log.
    init(_ reading: Reading, opening: [Frame] = [], log: ArraySlice<Frame> = [], closing: [Frame] = []) {
        self.reading = reading
        self.opening = opening[...]
        self.log = log
        self.closing = closing[...]
    }

    var isEmpty: Bool { opening.isEmpty && log.isEmpty && closing.isEmpty }
    var frames: [Frame] { Array(opening + log + closing) }

    /// Takes out the first frames, until they are `room` bytes or more; `room` becomes what is left.
    mutating func take(_ room: inout Int, into frames: inout [Frame]) {
        while room > 0, let frame = popFirst() {
            frames.append(frame)
            room -= frame.bytes.count
        }
    }

    private mutating func popFirst() -> Frame? { opening.popFirst() ?? log.popFirst() ?? closing.popFirst() }
}
