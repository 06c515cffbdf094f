import Audience
import Placement
import Testbed

/// How the services are set up for a drill, beyond what every run has.
struct DrillLayout: Sendable {
    var commentAPIs = 1
    var workers = 1
    /// Of the Readers, or of the LikeAPIs and their workers in a drill of likes.
    var environment: [String: String] = [:]
    var placement = PlacementStrategy.random
    var audience = AudienceSpec.reference
    /// Longer than the longest fault, so that comments that wait for an answer do not keep others from starting.
    var swarm = ["--publish-connections", "512", "--settle-timeout", "15"]
    /// A storm comes all at once.
    var connectsInProgress = 20_000
    /// What a reader of the report has to know of it.
    var notes: [String] = []
    var redis: @Sendable (Testbed) throws -> RedisOptions = { _ in RedisOptions() }
    /// Starts what stands between the services and their servers; runs when these are ready, before any service.
    var surround: @Sendable (inout DrillServices) async throws -> Void = { _ in }

    init(_ drill: Drill?, _ settings: DrillSettings = DrillSettings()) {
        drill?.arrange(&self, settings)
        notes = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + notes
    }

    var swarmOptions: [String] {
        swarm + ["--connects-in-progress", "\(connectsInProgress)", "--audience", "\(audience)"]
    }

    /// Whatever Redis acknowledges is on disk.
    mutating func syncRedis() {
        redis = { _ in RedisOptions(appendOnly: .always) }
        notes.append("Redis: appendonly yes, appendfsync always, SIGTERM")
    }
}
