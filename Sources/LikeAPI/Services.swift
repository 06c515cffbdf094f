import Likes
import Logging
import RedisNIO
import ServiceLifecycle
import ServiceRuntime

/// Runs the desk; not ready while the processes on this Redis disagree about the parts.
struct DeskService: Service {
    let desk: LikeDesk
    let redis: RedisClient
    let process: ServiceProcess

    func run() async throws {
        if let other = try? await desk.agreement.settle(in: redis), other != desk.agreement {
            throw ServiceFailure(
                .usage,
                "LIKE_PARTS or DATABASE_URL disagree with the other processes on this Redis: "
                    + "\(other.parts) parts, \(other.hasRecord ? "with" : "without") a record")
        }
        process.readiness.require("agreement") { [desk] in
            desk.isAtOdds ? "LIKE_PARTS or DATABASE_URL disagree with the other processes on this Redis" : nil
        }
        await cancelWhenGracefulShutdown { await desk.run() }
    }
}

struct RecordWorkerService: Service {
    let worker: RecordWorker

    func run() async throws {
        await cancelWhenGracefulShutdown { await worker.run() }
    }
}

struct NotificationService: Service {
    let worker: NotificationWorker

    func run() async throws {
        await cancelWhenGracefulShutdown { await worker.run() }
    }
}
