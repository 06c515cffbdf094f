import Logging
public import PostgresLibpq
public import ServiceLifecycle
public import ServiceRuntime
import Storage

import struct Synchronization.Atomic

/// The database of a service: connected while the service runs, its schema brought to the program's version first.
///
/// While PostgreSQL is away it tries again, and the service is not ready. A schema that this program must not touch ends
/// the process. In the list of services it stands before everything that uses it.
public final class ServiceDatabase: Service {
    public let pool: PostgresPool
    private let logger: Logger
    private let migrated = Atomic(false)

    /// - Parameter isRequired: whether the service is not ready while PostgreSQL is away; else the probe only notes it.
    public init(_ configuration: PostgresConfiguration, process: ServiceProcess, isRequired: Bool = true) {
        var configuration = configuration
        configuration.applicationName = process.server.instance
        pool = PostgresPool(configuration: configuration, logger: process.logger)
        logger = process.logger
        let reason: @Sendable () -> String? = { [self] in
            if isReady { return nil }
            // 25006 is PostgreSQL's code for "read-only".
            if pool.outage?.sqlState == "25006" { return "PostgreSQL is read-only" }
            return isMigrated ? "PostgreSQL is away" : "PostgreSQL's schema is not there yet"
        }
        if isRequired {
            process.readiness.require("postgresql", reason: reason)
        } else {
            process.readiness.note("postgresql", reason: reason)
        }
        report(to: process.metrics)
    }

    /// Whether the schema is known to be there. It stays so.
    public var isMigrated: Bool { migrated.load(ordering: .acquiring) }

    /// Whether a statement sent now would be taken.
    public var isReady: Bool { isMigrated && pool.isReady }

    /// Returns when the schema is there; `false` when the task was cancelled before.
    public func waitUntilMigrated() async -> Bool {
        while !isMigrated {
            do { try await Task.sleep(for: .milliseconds(50)) } catch { return false }
        }
        return true
    }

    public func run() async throws {
        pool.start()
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(
                try await cancelWhenGracefulShutdown {
                    try await self.migrate()
                    try await Task.sleep(for: .seconds(Int32.max))
                })
        } catch {
            outcome = .failure(error)
        }
        await pool.stop()
        if case .failure(let error) = outcome, !(error is CancellationError) { throw error }
    }

    /// Returns when the schema is there; throws ``ServiceFailure`` when it can never be, `CancellationError`.
    private func migrate() async throws {
        while true {
            do {
                let versions = try await Migrator().migrate(pool)
                migrated.store(true, ordering: .releasing)
                logger.info(
                    "PostgreSQL is ready",
                    metadata: ["postgres.target": "\(pool.configuration.target)", "postgres.migrations": "\(versions)"])
                return
            } catch let error as MigrationError {
                throw ServiceFailure(.unavailable, "the schema in PostgreSQL cannot be used: \(error)")
            } catch {
                try Task.checkCancellation()
                logger.warning(
                    "PostgreSQL cannot be used yet",
                    metadata: ["postgres.target": "\(pool.configuration.target)", "error": "\(error)"])
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    private func report(to metrics: PrometheusRegistry) {
        let pool = pool
        metrics.gauge("chorus_postgres_connections", "Sessions with PostgreSQL that are open.") {
            Double(pool.statistics.connected)
        }
        metrics.gauge("chorus_postgres_jobs_waiting", "Jobs that wait for a session.") {
            Double(pool.statistics.waiting)
        }
        metrics.counter("chorus_postgres_sessions_lost", "Sessions with PostgreSQL that broke.") {
            Double(pool.statistics.losses)
        }
        metrics.counter("chorus_postgres_jobs_refused", "Jobs refused: no session, a full queue, or a wait too long.") {
            let statistics = pool.statistics
            return Double(statistics.refusedFull + statistics.refusedUnavailable + statistics.expired)
        }
    }
}
