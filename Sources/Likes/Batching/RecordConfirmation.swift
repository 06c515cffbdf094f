import Storage

/// Makes an acknowledgement mean "the record has it" (`LIKE_DURABILITY=postgres`).
///
/// The changes of a batch are already in Redis and in the stream, so whatever happens here they reach the record in
/// the end; this only decides what may be said before. The entry stays in the stream: the worker that takes it out also
/// tells the owners, and the record takes the repetition for nothing.
struct RecordConfirmation: Sendable {
    let likes: any LikeStore

    /// `nil` when the record has everything that the batch's answers say.
    func refusal(of batch: PartBatch, _ applied: PartStore.Applied) async -> LikeError? {
        do {
            let changes = batch.changes(applied.answers, first: applied.first, at: applied.at)
            if !changes.isEmpty { _ = try await likes.apply(changes) }
            return try await unchangedAreStored(batch, applied.answers)
        } catch {
            return LikeError(.recordUnavailable, "the like is accepted, but the record has not confirmed it: \(error)")
        }
    }

    /// "It had been so before" may rest on a change that the record does not have yet.
    private func unchangedAreStored(_ batch: PartBatch, _ answers: [PartBatch.Answer]) async throws -> LikeError? {
        for (group, answer) in zip(batch.groups, answers) {
            guard case .known(let wasMember, _) = answer else { continue }
            let wanted = group.likes.map { ($0, true) } + group.unlikes.map { ($0, false) }
            for ((user, liked), was) in zip(wanted, wasMember) where was == liked {
                guard try await likes.isLiked(photo: group.photo, by: user) == liked else {
                    return LikeError(.recordUnavailable, "the record has not confirmed an earlier change yet")
                }
            }
        }
        return nil
    }
}
