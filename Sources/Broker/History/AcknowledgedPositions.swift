import Primitives
package import Wire

/// The highest position of each channel that a publisher has an acknowledgement for: what it knows of a history even when
/// Redis does not know it any more. See ``PositionRule``.
package struct AcknowledgedPositions: Sendable {
    /// Of as many channels as fit; the one not written to for longest is forgotten.
    private var highest = GenerationCache<Channel, Position>(limit: 131_072)

    package init() {}

    package subscript(channel: Channel) -> Position? { highest[channel] }

    /// Answers of one epoch may come in any order.
    package mutating func acknowledged(_ position: Position, in channel: Channel) {
        if let known = highest[channel], known.epoch == position.epoch, known.offset >= position.offset { return }
        highest[channel] = position
    }
}
