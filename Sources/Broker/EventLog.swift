import RedisNIO
public import Wire

/// What a service that answers for single events of a log needs on top of a ``Broker``: batches that keep their order,
/// publishing that may be repeated, and looking up, paging back over and removing events.
public protocol EventLog: Broker {
    /// Publishes many events as ``publish(_:to:)`` does, in their order: no later one of a channel gets a lower offset than
    /// an earlier one. Each succeeds or fails for itself; after a failure of the connection those behind it fail too.
    ///
    /// - Returns: one result for each event, in the order of `events`.
    func publish(contentsOf events: [StreamEvent]) async -> [Result<Position, BrokerError>]

    /// Publishes an event unless the channel's history holds one with one of `keys`, in one atomic step. Only for
    /// publishers that may have published it before: it walks over the history.
    ///
    /// What the history no longer holds is not found.
    ///
    /// - Returns: the place of the event, or of the one that was found.
    func publishOnce(
        _ payload: [UInt8], to channel: Channel, unless keys: [EventKey]
    ) async throws(BrokerError) -> Position

    /// Publishes an event under a name, unless the channel's history holds one under this name or one of `others`, in one
    /// atomic step. Costs the same however long the history is: names are kept in an index beside it.
    ///
    /// What the history no longer holds (trimmed, expired, lost, removed) is not found, nor what was published without a
    /// name.
    func publish(
        _ payload: [UInt8], to channel: Channel, named name: String, unless others: [String]
    ) async throws(BrokerError) -> NamedPublication

    /// Log events below the offset `before` (`nil`: from the newest on), newest first.
    ///
    /// - Parameter limit: the most events of the page, 1 or more.
    func latest(of channel: Channel, before: UInt64?, limit: Int) async throws(BrokerError) -> [PlacedEvent]

    /// The newest event with `key` that the channel's history holds. Walks over the history.
    func find(_ key: EventKey, in channel: Channel) async throws(BrokerError) -> PlacedEvent?

    /// Removes one event from the channel's history, so that nobody who resumes gets it. Subscribers are not told.
    ///
    /// When it was the oldest one kept, those who resume from before it get a gap there: the history then looks as if it
    /// had been trimmed.
    ///
    /// - Returns: whether it was there. A position of another epoch is not.
    @discardableResult
    func remove(_ position: Position, from channel: Channel) async throws(BrokerError) -> Bool
}

extension Channel {
    /// Which of `count` parts the channel belongs to, by the slot of its keys. Neighbours of slots mostly are on one node of a
    /// cluster, so that a node that hangs holds up few parts.
    public func part(of count: Int) -> Int { HashSlot(key: name).number * count / HashSlot.count }
}
