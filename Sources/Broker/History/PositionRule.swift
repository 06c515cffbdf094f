/// How the next position of a channel is chosen. The Lua script of ``RedisBroker`` follows it.
///
/// **The danger.** Redis with an append-only file flushed every second may come back without its last second or two, and
/// with snapshots alone without minutes. If it went on counting from there, other comments would get offsets that viewers
/// have seen already, and every duplicate check on the way would drop them.
///
/// **The rule.** Each Redis process has a random run id, which a connection learns at login, and the stored position
/// carries the run id under which it was written. A publish that finds another run id knows that Redis has restarted (or
/// failed over) since the last comment. It leaves ``restartStep`` offsets out, more than can have been lost, counted from
/// the highest offset that it knows: the stored one, or the one it has an acknowledgement for. (From the stored one alone,
/// two lossy restarts in a row would give the same offsets twice.) The new entry notes the last offset that survived, so
/// that the jump is not taken for a loss, and the acknowledged one above it, which *is* a loss that viewers are told. A
/// clean restart therefore shows no gap, a lossy one the true gap, and no offset is used twice. It costs one string
/// comparison a publish.
///
/// **What remains.** With several publishers, the first one after a lossy restart may not have the highest
/// acknowledgement; then a viewer that missed the lost comments is not told, and after a second lossy restart may see its
/// offsets again. With PostgreSQL the comments are there in any case. A restart that loses all keys begins a new epoch,
/// which viewers are told.
public enum PositionRule {
    /// The offsets left out after a restart: more than any channel gets between two snapshots, and small
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
