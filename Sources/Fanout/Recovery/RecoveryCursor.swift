internal import Wire

/// How far a recovering viewer is, compared with its channel's stream.
///
/// History and stream come on two connections, so either may be ahead: what the viewer has may end before the stream's
/// position (frames were retained for it), or after it (the stream has yet to bring what the viewer already has, from the
/// history or from another Reader). Epochs have no order of their own; but the history was read after the viewer was
/// attached, so an epoch that the history has and the stream has not is the newer one.
struct RecoveryCursor: Equatable, Sendable {
    /// The viewer has everything up to here, or a gap for it.
    let reached: Position
    /// Where the stream was when the viewer was attached.
    let attachedAt: Position

    enum Relation: Equatable {
        /// The viewer has it.
        case known
        /// It lies after what the viewer has, and so do all later frames.
        case beyond
        /// The stream came to an epoch that is neither its old one nor the viewer's: it may have skipped the viewer's
        /// epoch, or be yet to reach it. Or it went back.
        case unclear
    }

    /// Where a frame of the stream lies, compared with what the viewer has.
    func relation(to position: Position) -> Relation {
        if position.epoch == reached.epoch { return position.offset > reached.offset ? .beyond : .known }
        if position.epoch == attachedAt.epoch { return .known }
        return reached.epoch == attachedAt.epoch ? .beyond : .unclear
    }

    /// Whether the viewer already has some of what comes after `position`.
    func isAhead(of position: Position) -> Bool {
        reached.epoch != position.epoch || reached.offset > position.offset
    }
}
