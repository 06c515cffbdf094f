import Primitives
import Wire

/// The highest position this process has been acknowledged, per channel, for as many channels as fit. Pure.
///
/// It is evidence of a loss after a restart, not needed for safety, so the oldest half may be forgotten: entries live
/// in two generations, and a full one replaces the other.
struct AcknowledgedPositions {
    private var positions: GenerationCache<Channel, Position>

    init(limit: Int = 131_072) {
        positions = GenerationCache(limit: limit)
    }

    subscript(channel: Channel) -> Position? { positions[channel] }

    mutating func record(_ position: Position, of channel: Channel) {
        if let known = self[channel], known.epoch == position.epoch, known.offset >= position.offset { return }
        positions[channel] = position
    }
}
