import Broker
import Likes
import Logging
import PostgresLibpq
import ServiceRuntime
import ServiceStorage
import Storage

/// `LikeAPI reconcile`: compares Redis with the record, prints a report as JSON, and repairs if it is told to.
///
/// Exit code 0 when there was no difference or all of them were repaired, 65 when some are left.
enum ReconcileCommand {
    struct Settings: ServiceSettings {
        enum Purpose: String, CaseIterable {
            case report, repair
        }

        var service: LikeAPISettings
        var purpose: Purpose
        var server: ServerSettings { service.server }

        init(from reader: inout SettingsReader) {
            service = LikeAPISettings(from: &reader)
            purpose = reader.choice("RECONCILE", default: .report, "Whether differences are only told, or repaired.")
            if !service.hasRecord { reader.refuse("DATABASE_URL", because: "there is nothing to compare with") }
        }
    }

    static func run(_ arguments: [String]) async throws -> ExitCode {
        let (settings, logger) = try LikeCommand.read(Settings.self, arguments)
        guard let configuration = settings.service.database.configuration else { return .usage }
        let pool = PostgresPool(configuration: configuration, logger: logger)
        pool.start()
        let report = try await LikeCommand.withBroker(settings.service.redis, logger: logger) { broker in
            let redis = broker.redis
            let agreed = LikeAgreement(parts: settings.service.likes.parts, hasRecord: true)
            guard try await agreed.settle(in: redis) == agreed else {
                throw ServiceFailure(.usage, "LIKE_PARTS is not the number of parts in this Redis")
            }
            return try await Reconciler(
                redis: redis, likes: PostgresLikeStore(pool: pool), settings: settings.service.likes,
                repairs: settings.purpose == .repair, logger: logger
            ).run()
        }
        await pool.stop()
        try LikeCommand.show(report)
        return report.differences == 0 || report.isRepaired ? .fine : .loss
    }
}
