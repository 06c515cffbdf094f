/// How the next position of a channel is chosen. The Lua script of ``RedisBroker`` follows it.
///
/// **The danger.** Redis with an append-only file flushed every second may come back without its last second or two,
/// and with snapshots alone without minutes. If it went on counting from what it has, offsets that viewers have
/// already seen would be given to other comments, and every duplicate check on the way would swallow those.
///
/// **The rule.** Each Redis process has a random run id, which a connection learns before its first command. The
/// stored position carries the run id under which it was written. A publish that finds another run id than its own
/// connection's knows that Redis has restarted (or failed over) since the last comment here, and leaves
/// ``restartStep`` offsets out, counted from the highest one that it knows of: more than can have been lost. (Counted
/// from what survived, two lossy restarts in a row would give the same offsets twice.) The new entry notes the last
/// offset that survived, so that the jump is not taken for a loss; if the publisher itself has an acknowledgement above
/// it, the entry notes that too, and *that* is a loss that viewers are told. A clean restart therefore shows no gap at
/// all, a lossy one shows the true gap, and no offset is ever used twice. It costs one string comparison a publish.
///
/// **What it cannot do.** When several publishers share a channel, the first one after a lossy restart may not be
/// the one with the highest acknowledgement; then a viewer that had not received the lost comments is not told, and a
/// second lossy restart that takes the first one's step with it may see its offsets again. With a record in PostgreSQL
/// the comments are there in any case. A restart that loses all keys gives a new epoch, which viewers are told.
public enum PositionRule {
    /// The offsets left out after a restart: above what any channel can be given between two snapshots, and small
    /// enough for millions of restarts below 2^53, where JavaScript's numbers end.
    public static let restartStep: UInt64 = 1_000_000_000

    /// Length of a new epoch, in base-36 characters: two thousand million values.
    static let epochLength = 6

    /// A new epoch: one draw, because a publisher brings one along with every publish and nearly none is used.
    package static func makeEpoch(using generator: inout some RandomNumberGenerator) -> String {
        let digits = String(generator.next() % 2_176_782_336, radix: 36)
        return String(repeating: "0", count: epochLength - digits.count) + digits
    }
}
