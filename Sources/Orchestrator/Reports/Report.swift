/// What can be written into a report folder.
protocol Report: Codable, Sendable {
    /// For people, as text.
    func markdown() -> String
    /// For spreadsheets: the one table that somebody would want to compute with.
    func csv() -> String
    /// For people, with plots.
    func page() -> Page
}
