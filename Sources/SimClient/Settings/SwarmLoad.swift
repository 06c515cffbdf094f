internal import Audience

/// Who writes comments, how many, and how they are known again: settings that must fit together.
struct SwarmLoad {
    static let windowMax = 4096
    /// Comments of a closed loop that can be under way at once, all channels together: the publisher's mailbox.
    static let underWayMax = 1 << 16

    var rate: Double
    var window: Int
    var publishes: PublishMode
    var streamProtocol: StreamProtocol

    func check(channels: Int, shard: Shard?, _ reader: inout ArgumentReader) {
        if window > 0 {
            if rate > 0 {
                reader.report("--rate", "\(rate)", expected: "0 with --window: a closed loop sets its own pace")
            }
            if publishes == .none { reader.report("--publish", "none", expected: "comments with --window") }
            if channels * window > SwarmLoad.underWayMax {
                reader.report("--window", "\(window)", expected: "at most \(SwarmLoad.underWayMax) with all --streams")
            }
        }
        // One process must see all comments of a channel and all of its viewers.
        if window > 0 || streamProtocol == .plain, let shard, shard.count > 1 {
            reader.report("--shard", "\(shard)", expected: "0/1 with --window and --protocol plain")
        }
    }
}
