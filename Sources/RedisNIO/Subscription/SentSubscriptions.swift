import DequeModule

/// The commands of one connection with sharded channels that have no answer yet, so that an error, which names no channel,
/// finds the channels that it is about. Pure.
///
/// Redis answers in order, a `ssubscribe` or `sunsubscribe` for each channel, or one error for the command. It also sends
/// `sunsubscribe` unasked, when a slot goes to another node: that is no answer.
struct SentSubscriptions {
    struct Command: Equatable {
        let isSubscribe: Bool
        /// One slot a command: of two, Redis refuses all.
        let slot: HashSlot
        var channels: [String]
    }

    private var commands: Deque<Command> = []

    mutating func sent(_ command: Command) { commands.append(command) }

    /// - Returns: `false` when nobody asked for it. Channels of commands whose answer turns out to have gone by are `skipped`:
    ///   whether they are subscribed is not known.
    mutating func acknowledged(_ channel: String, isSubscribe: Bool) -> (isAnswer: Bool, skipped: [String]) {
        if take(channel, isSubscribe: isSubscribe) { return (true, []) }
        // An answer is known by its channel, also when an error before it was counted for a command behind.
        guard isSubscribe,
            let index = commands.firstIndex(where: { $0.isSubscribe && $0.channels.contains(channel) })
        else { return (false, []) }
        let skipped = commands.prefix(index).filter(\.isSubscribe).flatMap(\.channels)
        commands.removeFirst(index)
        return (take(channel, isSubscribe: true), skipped)
    }

    private mutating func take(_ channel: String, isSubscribe: Bool) -> Bool {
        guard let first = commands.first, first.isSubscribe == isSubscribe,
            let index = first.channels.firstIndex(of: channel)
        else { return false }
        commands[0].channels.remove(at: index)
        if commands[0].channels.isEmpty { commands.removeFirst() }
        return true
    }

    /// The command that was refused; `nil` when the error names a slot that is not the next command's: it is the answer to
    /// one whose channel was unsubscribed unasked at the same moment.
    mutating func refused(_ error: RedisError) -> Command? {
        guard let first = commands.first else { return nil }
        let named = error.message.split(separator: " ").first.flatMap { Int($0) }.flatMap { HashSlot($0) }
        if let named, named != first.slot { return nil }
        return commands.removeFirst()
    }
}
