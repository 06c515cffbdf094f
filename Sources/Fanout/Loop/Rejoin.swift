public import Wire

/// Where a viewer that was resumed comes back into its channel's stream.
///
/// History and stream travel on two connections, so either may be ahead: what the viewer has may end before the
/// stream's present place (frames were kept for it), or beyond it (the stream has yet to bring what the viewer has
/// already, from the history or from another Reader). Epochs have no order of their own; what is known is that history
/// was read after the viewer was attached, so an epoch that it knows and the stream does not is the newer one.
public struct Rejoin: Equatable, Sendable {
    /// The viewer has everything up to here, or was told what is missing.
    public let reached: Position
    /// Where the stream stood when the viewer was attached.
    public let joinedAt: Position

    public init(reached: Position, joinedAt: Position) {
        self.reached = reached
        self.joinedAt = joinedAt
    }

    enum Relation: Equatable {
        /// The viewer has it.
        case known
        /// It lies beyond what the viewer has; then all later frames do.
        case beyond
        /// The stream came to an epoch that is neither its old one nor the viewer's: whether it will come to the
        /// viewer's, or has left it out, nobody can tell.
        case unclear
    }

    /// Where a frame of the stream lies, seen from what the viewer has.
    func relation(to position: Position) -> Relation {
        if position.epoch == reached.epoch { return position.offset > reached.offset ? .beyond : .known }
        if position.epoch == joinedAt.epoch { return .known }
        return reached.epoch == joinedAt.epoch ? .beyond : .unclear
    }

    /// Whether the viewer must wait for a stream that stands at `position`: some of what comes next it has already.
    func isAhead(of position: Position) -> Bool {
        reached.epoch != position.epoch || reached.offset > position.offset
    }
}
