import RedisNIO
import Wire

/// The value of a channel's position key: `<offset>.<epoch>.<run>`.
enum StoredPosition {
    /// Characters of the server's run id that are stored: 48 bits tell two processes apart.
    static let runLength = 12

    static func run(of server: RedisConnection.Server) -> String { String(server.runID.prefix(runLength)) }

    /// `nil` for anything that no publisher wrote; the next publish begins a new epoch over it.
    static func position(_ value: RESPValue?) -> Position? {
        guard let text = value?.text else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3 else { return nil }
        return Position(parsing: parts[0] + "." + parts[1])
    }
}
