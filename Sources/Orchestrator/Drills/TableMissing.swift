import Testbed

/// Somebody's migration goes wrong for a while.
extension Drill {
    static let tableMissing = Drill(
        name: "table-missing",
        story: "The table of likes is renamed and comes back under its name 5 s later; what waited for it arrives.",
        crowd: .likes, mustGoUnnoticed: true
    ) { fault in
        let postgres = try fault.database()
        fault.tell(.begin, "ALTER TABLE likes RENAME TO likes_away")
        try await postgres.sql("ALTER TABLE likes RENAME TO likes_away")
        fault.note(
            "likes acknowledged meanwhile", try await fault.acknowledged(.max, within: .seconds(5)),
            needed: 200...Int.max)
        try await postgres.sql("ALTER TABLE likes_away RENAME TO likes")
        fault.tell(.end, "the table is back")
    }
}
