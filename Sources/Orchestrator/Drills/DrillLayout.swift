import Audience
import Placement
import Report

/// How the services are set up for a drill, beyond what every run has.
struct DrillLayout: Equatable, Sendable {
    var commentAPIs = 1
    /// Redis appends every write to a file, and syncs it before it answers.
    var appendOnly = false
    var readerEnvironment: [String: String] = [:]
    var placement = PlacementStrategy.random
    var audience = AudienceSpec.reference
    var swarm: [String] = []
    /// What a reader of the report has to know of it.
    var notes: [String] = []

    init(_ drill: Drill, _ settings: DrillSettings) {
        // Longer than the longest fault, so that comments that wait for an answer do not keep others from starting.
        // A storm comes all at once; an audience that gathers does not, and Readers know those who are connected.
        let connects = drill == .joinLeave ? 500 : 20_000
        swarm = ["--publish-connections", "512", "--connects-in-progress", "\(connects)", "--settle-timeout", "15"]
        defer { swarm += ["--audience", "\(audience)"] }
        switch drill {
        case .drainReader: drains(over: 5)
        case .rollingRestart: drains(over: 2)
        case .killCommentAPI: commentAPIs = 2
        case .restartRedis:
            appendOnly = true
            notes.append("Redis: appendonly yes, appendfsync always, SIGTERM. Whatever it acknowledged is on disk.")
        case .slowViewers:
            readerEnvironment["READER_BACKLOG_BYTES"] = "131072"
            readerEnvironment["READER_SEND_BUFFER_BYTES"] = "16384"
            swarm += ["--slow-share", Format.plain(settings.slowShare), "--comment-bytes", "600"]
            notes.append(
                "READER_BACKLOG_BYTES=131072, READER_SEND_BUFFER_BYTES=16384, comments of 600 bytes: so that a viewer"
                    + " who does not read is over its limit within seconds. Those viewers are not audited.")
        case .joinLeave:
            drains(over: 5)
            placement = .overflow
            audience = .zipf(exponent: 1)
            swarm += ["--placement", "follow"]
            notes.append("PLACEMENT=overflow, an audience of Zipf 1.0; viewers follow redirects.")
        case .killReader, .loseRedis, .freezeRedis, .cutSubscriber, .bufferLimit, .postgresDown, .reconnectStorm: break
        }
    }

    private mutating func drains(over seconds: Int) {
        readerEnvironment["DRAIN_SECONDS"] = "\(seconds)"
        notes.append("DRAIN_SECONDS=\(seconds) (20 by default).")
    }
}
