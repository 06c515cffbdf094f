/// What a Reader does with a viewer.
public enum PlacementDecision: Equatable, Sendable {
    /// Take it here.
    case serve(ServeReason)
    /// Answer `307` with the address of this Reader.
    case redirect(to: String)
    /// Answer `503` with `Retry-After`.
    case refuse(RefuseReason)

    public enum ServeReason: String, Sendable, CaseIterable {
        /// This Reader is the viewer's place.
        case chosen
        /// The strategy has no place for a channel.
        case anywhere
        /// The viewer was sent on often enough.
        case hopsUsedUp = "hops_used_up"
        /// No other Reader is known.
        case nobodyElse = "nobody_else"
    }

    public enum RefuseReason: String, Sendable, CaseIterable {
        /// This Reader drains, and no other one takes viewers.
        case draining
    }
}
