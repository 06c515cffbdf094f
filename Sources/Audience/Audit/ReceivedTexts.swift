/// The text that arrived at each offset of one channel, as digests: the first one decides, the others are compared.
public struct ReceivedTexts: Sendable {
    /// Digests by offset, one table an epoch.
    private var epochs: [[UInt64: UInt64]] = []
    private var count = 0

    public init() {}

    /// Notes that some viewer got this text. `false` when another one got a different text for the same place.
    ///
    /// - Parameter epoch: a number from 0 that the caller gives to each epoch of the channel.
    public mutating func note(offset: UInt64, epoch: Int, digest: UInt64) -> Bool {
        while epochs.count <= epoch { epochs.append([:]) }
        if let known = epochs[epoch][offset] { return known == digest }
        guard count < ChannelComments.commentsMax else { return true }
        epochs[epoch][offset] = digest
        count += 1
        return true
    }

    /// What is wrong with what arrived.
    ///
    /// - Parameters:
    ///   - written: the channel as its writers know it, all of them.
    ///   - names: the epochs by number.
    /// - Returns: comments that have another text than was acknowledged for their place, and those that nobody wrote.
    public func compared(with written: ChannelComments, names: [String]) -> (altered: Int, foreign: Int) {
        var (altered, foreign) = (0, 0)
        let unplaced = Set(written.unplaced)
        for (number, received) in epochs.enumerated() where !received.isEmpty {
            let comments = written.epochs.first { $0.name == names[number] }?.comments ?? []
            let known = Dictionary(comments.map { ($0.offset, $0.digest) }) { first, _ in first }
            for (offset, digest) in received {
                if let acknowledged = known[offset], acknowledged != 0 {
                    altered += acknowledged == digest ? 0 : 1
                } else if !unplaced.contains(digest) {
                    foreign += 1
                }
            }
        }
        return (altered, written.forgotten > 0 ? 0 : foreign)
    }
}
