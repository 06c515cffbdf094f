internal import Audience
internal import DequeModule

/// Decides in a closed loop which channel gets a comment next: of each one, `window` comments are under way until all of
/// its viewers have them.
///
/// What waits for a free connection waits here, never more than the windows of all channels together.
struct ClosedLoop: Sendable {
    let audience: Audience
    let window: Int
    private var isOpen = false
    private var waiting: Deque<Int> = []
    /// Channels of comments that were not taken: they wait for the next ``retry()``, so that a service that says no at
    /// once is not asked without a pause.
    private var refused: [Int] = []
    private var written = 0

    init(audience: Audience, window: Int) {
        self.audience = audience
        self.window = window
    }

    mutating func begin() {
        guard !isOpen else { return }
        isOpen = true
        for _ in 0..<window {
            for channel in 0..<audience.channels where !audience.viewers(ofChannel: channel).isEmpty {
                waiting.append(channel)
            }
        }
    }

    /// Nothing is written any more.
    mutating func end() {
        isOpen = false
        waiting = []
        refused = []
    }

    /// All viewers of these channels have a comment; a channel stands there once for each.
    mutating func completed(_ channels: [Int]) {
        if isOpen { waiting.append(contentsOf: channels) }
    }

    /// A comment was not taken, or it is not known whether it was.
    mutating func failed(_ channel: Int) {
        if isOpen { refused.append(channel) }
    }

    mutating func retry() {
        waiting.append(contentsOf: refused)
        refused = []
    }

    mutating func next() -> Draft? {
        guard let channel = waiting.popFirst() else { return nil }
        let viewers = audience.viewers(ofChannel: channel)
        written += 1
        return Draft(
            channel: channel, userid: audience.userID(ofViewer: viewers.lowerBound + written % viewers.count),
            videoid: audience.videoID(ofChannel: channel))
    }
}
