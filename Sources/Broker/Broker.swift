public import Wire

/// Carries events from the APIs that write to the Readers that hold viewers, and keeps the newest of them.
///
/// Every method may be called from any task. None of them retries a write whose outcome is unknown: a thrown
/// ``BrokerError`` with code `timeout` or `unavailable` means "not known to be published", a returned value means
/// "published".
public protocol Broker: Sendable {
    /// Appends one log event to the channel's history and sends it to all subscribers, in one atomic step.
    ///
    /// - Parameter payload: the frame without its id line: optional `event: x\n`, then `data: {...}\n\n`. It is opaque
    ///   from here to the viewer; the broker puts `id: <offset>.<epoch>\n` in front.
    /// - Returns: the place of the event in the channel. Offsets rise by one, except after a restart or failover of Redis,
    ///   where they jump (see ``HistoryPage/missing``); within one epoch an offset is never used twice.
    func publish(_ payload: [UInt8], to channel: Channel) async throws(BrokerError) -> Position

    /// Sends one state event (`event: likes\ndata: {...}\n\n`) to whoever subscribes now; it is not kept.
    func publishState(_ frame: [UInt8], to channel: Channel) async throws(BrokerError)

    /// The newest position of the channel; `nil` when nobody has written to it (or it was lost).
    func position(of channel: Channel) async throws(BrokerError) -> Position?

    /// The newest positions of many channels, in the order asked. Read in batches, so not one atomic snapshot.
    func positions(of channels: [Channel]) async throws(BrokerError) -> [Position?]

    /// Log events with `after < offset <= through`, oldest first, and the newest position, read atomically.
    ///
    /// - Parameters:
    ///   - after: the last offset that the asker has; 0 for the beginning.
    ///   - through: the last offset wanted; `nil` for the newest.
    ///   - limit: the most entries in one page, 1 or more. ``HistoryPage/isCut`` is set when there are more.
    func history(
        of channel: Channel, after: UInt64, through: UInt64?, limit: Int
    ) async throws(BrokerError) -> HistoryPage

    /// How many connections subscribe each channel, as the broker itself counts them, in the order asked.
    func subscriptionCounts(of channels: [Channel]) async throws(BrokerError) -> [Int]

    /// How many channels have at least one subscription; probe channels are not counted.
    func subscribedChannelCount() async throws(BrokerError) -> Int

    /// Whether a call made now would reach the broker: what a readiness probe asks.
    var isReady: Bool { get }

    /// A new subscriber that hands everything to `sink`. It does nothing until its `run()` is called, and it keeps the
    /// sink alive.
    func makeSubscriber(_ sink: any SubscriptionSink) -> any BrokerSubscriber
}
