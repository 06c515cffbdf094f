extension Audience {
    /// Number of channels.
    public var channels: Int { viewers.count }

    /// The channel that a viewer watches; `viewer` is in `0..<total`.
    public func channel(ofViewer viewer: Int) -> Int {
        var low = 0
        var high = channels
        // The last channel that starts at or before the viewer; empty channels start where their successor does.
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= viewer { low = middle } else { high = middle }
        }
        return low
    }

    /// The viewers of a channel.
    public func viewers(ofChannel channel: Int) -> Range<Int> { starts[channel]..<starts[channel + 1] }

    /// The viewers of one shard with their channels, in order.
    public func viewers(of shard: Shard) -> [(viewer: Int, channel: Int)] {
        var channel = 0
        return stride(from: shard.index, to: total, by: shard.count).map { viewer in
            while starts[channel + 1] <= viewer { channel += 1 }
            return (viewer, channel)
        }
    }

    /// `v1`, `v2` … behind ``channelPrefix``: the video of a channel.
    public func videoID(ofChannel channel: Int) -> String {
        channelPrefix + (names?.videos[channel] ?? "v\(channel + 1)")
    }

    /// `video:v1`, `video:v2` … , with the prefix behind the colon.
    public func channelName(_ channel: Int) -> String { "video:\(videoID(ofChannel: channel))" }

    /// Names of all channels.
    public var channelNames: [String] { (0..<channels).map(channelName) }

    /// `user1`, `user2` … .
    public func userID(ofViewer viewer: Int) -> String { names?.users[viewer] ?? "user\(viewer + 1)" }

    /// The audience as the closed forms see it.
    public var sizes: ChannelSizes { ChannelSizes(viewers: viewers) }

    /// The audience, ready to be placed; the channels keep their names.
    public func simulation() -> AssignmentSimulation {
        AssignmentSimulation(viewers: viewers, names: channelNames, seed: seed)
    }
}
