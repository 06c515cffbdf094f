import Wire

/// The changes of a batch that may matter: valid, and the newest of each photo and user; pure.
struct LikeBatch {
    private struct Key: Hashable {
        let photo: String
        let user: String
    }

    private(set) var changes: [LikeChange] = []
    private(set) var refused: [Int] = []
    private(set) var overtaken = 0

    init(_ all: [LikeChange]) {
        var newest: [Key: Int] = [:]
        newest.reserveCapacity(all.count)
        changes.reserveCapacity(all.count)
        for (index, change) in all.enumerated() {
            guard change.isValid else {
                refused.append(index)
                continue
            }
            let place = newest[Key(photo: change.photo, user: change.user), default: changes.count]
            if place == changes.count {
                newest[Key(photo: change.photo, user: change.user)] = place
                changes.append(change)
            } else {
                overtaken += 1
                let other = changes[place]
                if change.wins(over: other.version, liked: other.liked) { changes[place] = change }
            }
        }
    }

    /// Rows in the order of the primary key: pages of the index are touched once, and two batches lock the rows that
    /// they share in the same order.
    func rows() -> [LikeRow] {
        changes.map { LikeRow(change: $0, slot: UserSlot.slot(of: $0.user)) }
            .sorted { ($0.change.photo, $0.slot, $0.change.user) < ($1.change.photo, $1.slot, $1.change.user) }
    }
}

/// A change and the slot of its user.
struct LikeRow {
    let change: LikeChange
    let slot: Int16
}
