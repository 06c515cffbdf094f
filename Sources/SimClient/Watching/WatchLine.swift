/// What `watch` prints: one line for each thing that happens.
enum WatchLine {
    static func text(_ note: WatchViewer.Note) -> String {
        switch note {
        case .connected(let instance, let position):
            "-- connected to \(printable(instance ?? "a Reader")) at \(printable(position))"
        case .comment(let userid, let text, let timestamp, let position):
            "\(printable(timestamp)) [\(printable(position))] \(printable(userid)): \(printable(text))"
        case .gap(let from?, let to?, _): "-- comments \(from) to \(to) could not be recovered"
        case .gap(_, _, let position): "-- comments before \(printable(position)) could not be recovered"
        case .event(let name, let data): "-- \(printable(name)): \(printable(data))"
        case .sentAway: "-- the Reader asked to reconnect"
        case .redirected(let location): "-- sent to \(printable(location))"
        case .refused(let status): "-- refused with status \(status)"
        case .malformed(let why): "-- the stream was malformed: \(printable(why))"
        }
    }

    static func ended(_ reason: String, milliseconds: Int) -> String {
        "-- \(reason); next attempt in \(milliseconds) ms"
    }

    /// A comment comes from anybody: it must not be able to move the cursor or colour the screen.
    static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }
}
