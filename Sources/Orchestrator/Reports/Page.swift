import Audience

/// The content of `report.html`, before it becomes HTML.
struct Page: Equatable, Sendable {
    struct Table: Equatable, Sendable {
        var title: String
        var table: TextTable
    }

    var title: String
    /// For somebody who reads one sentence.
    var conclusion: String
    var charts: [Chart] = []
    /// Which channels are on which Reader.
    var maps: [SubscriptionMap] = []
    var tables: [Table] = []
    /// The command that repeats it.
    var footer = ""
}
