/// Why a viewer is sent on.
public enum RedirectReason: String, Sendable, CaseIterable {
    /// Another Reader comes first for this channel, or the strategy dealt the viewer to it.
    case elsewhere
    /// This Reader comes first, and has enough viewers of this channel.
    case channelFull = "channel_full"
    /// This Reader comes first, and is over the bounded load.
    case overloaded
    /// This Reader takes no more viewers.
    case closed
}

extension PlacementPolicy {
    /// Why ``decide(channel:at:hops:in:turn:)`` sent a viewer of `channel` away from `id`.
    public func reason(channel: String, at id: String, isClosed: Bool, in views: ReaderViews) -> RedirectReason {
        if isClosed { return .closed }
        guard strategy == .overflow, candidates(for: channel, in: views).first?.id == id else { return .elsewhere }
        return views[id]?.fullChannels.contains(channel) ?? false ? .channelFull : .overloaded
    }
}
