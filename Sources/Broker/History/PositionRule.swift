/// How the next position of a channel is chosen. The Lua script of ``RedisBroker`` follows it.
///
/// **The danger.** A Redis may go on from less than it has acknowledged: after a crash (an append-only file flushed every
/// second lacks its last second or two, a snapshot minutes), and after a failover, when the replica that takes over lacks
/// what was written last. If it counted on from there, other comments would get offsets that viewers have seen already,
/// and every duplicate check on the way would drop them.
///
/// **The rule.** Redis names its replication history (`master_replid` of `INFO replication`) anew with every start as a
/// master and every promotion. The stored position carries the history under which it was written, and the publish script
/// reads the present one itself, in the same atomic step: nobody's knowledge of it can be old. Offsets go on by one while
/// two things hold: the history is the one of the stored position, and the publisher has no acknowledgement for a higher
/// offset. Otherwise some offsets are left out, see ``resumption(after:clock:)``, counted from the highest one known,
/// stored or acknowledged. The new entry notes the last offset that survived, so that the jump is not taken for a loss, and
/// the acknowledged one above it, which *is* a loss that viewers are told. A clean restart therefore shows no gap, a lossy
/// one the true gap, and no offset is used twice.
///
/// **Offset and process do not help.** `master_repl_offset` goes back together with the data, so what is left never shows
/// what is missing; only somebody outside of Redis knows that. And `run_id` names a process: one that becomes a replica,
/// takes the data of its master and is promoted again keeps it.
///
/// **Replicas.** Where one may take over (a cluster, Sentinels) and events count as published before it has them
/// (`REDIS_REPLICAS_ACK=0`), a publisher without any acknowledgement of the epoch cannot know what the change of the history
/// has cost: then the new entry notes everything up to itself as lost, and viewers are told of a gap. Moved slots and clean
/// restarts look the same to it.
///
/// **What remains.** With several publishers, the first one after a loss may know of an acknowledgement that is not the
/// highest; on a single server it may know of none. Then a viewer that missed the lost comments is not told. With
/// PostgreSQL the comments are there in any case. A user of Redis who may not call `INFO` takes the history for unchanged;
/// then only the publisher's own acknowledgements show a loss. Whoever loses all keys begins a new epoch, which viewers are
/// told.
public enum PositionRule {
    /// What is left out after a change of the history is a multiple of this, so that offsets modulo the step go on counting
    /// events. Far more than the events of a channel between two changes: that tells a jump from a hole.
    public static let restartStep: UInt64 = 1_000_000

    /// 2026-01-01T00:00:00Z in seconds since 1970. From there on a step for each second stays below 2^50 for 35 years, and
    /// below 2^53, where JavaScript's numbers end, for 285.
    package static let clockStart: UInt64 = 1_767_225_600

    /// The first offset after a change of the history: the one behind `base`, and the fewest steps, at least one, with which
    /// it is not below a step for each second of Redis's clock.
    ///
    /// By the clock, because a publisher may know nothing of an earlier jump whose events were lost: of two changes at
    /// least two seconds apart the later one gets higher offsets, whoever is asked. A clock that stands in the past costs
    /// that and nothing else.
    ///
    /// - Parameters:
    ///   - base: the highest offset known.
    ///   - clock: seconds since ``clockStart``.
    package static func resumption(after base: UInt64, clock: UInt64) -> UInt64 {
        let passed = base / restartStep
        return base + 1 + (clock > passed ? clock - passed : 1) * restartStep
    }

    /// Length of a new epoch, in base-36 characters: two thousand million values.
    static let epochLength = 6

    /// A new epoch: one draw, because a publisher brings one along with every publish and nearly none is used.
    package static func makeEpoch(using generator: inout some RandomNumberGenerator) -> String {
        let digits = String(generator.next() % 2_176_782_336, radix: 36)
        return String(repeating: "0", count: epochLength - digits.count) + digits
    }
}
