import Logging
import Media
import RedisNIO
import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Social
import Storage

/// Removes old sessions, pictures that no post shows, and what erased accounts have left; tells again what Redis did not
/// take or has lost.
struct Upkeep: Service {
    private static let interval: Duration = .seconds(2)
    private static let purgeEvery = 150
    /// How long a picture waits for a post.
    private static let unusedMedia: Duration = .seconds(86_400)

    let database: ServiceDatabase
    let store: AccountStore
    let endings: Endings
    let media: MediaStore?
    let eraser: Eraser
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            guard await database.waitUntilMigrated() else { return }
            var round = 0
            while !Task.isCancelled {
                await tell()
                await erase()
                if round % Self.purgeEvery == 0 { await purge() }
                round += 1
                try? await Task.sleep(for: Self.interval)
            }
        }
    }

    private func tell() async {
        do {
            let isKnown = try await RevocationFeed.exists(in: endings.redis)
            guard endings.isOwed.take() || !isKnown else { return }
            do { try await endings.tellAll() } catch {
                endings.isOwed.set(true)
                throw error
            }
        } catch {
            logger.debug("revocations are told later", metadata: ["error": "\(error)"])
        }
    }

    private func erase() async {
        do { try await eraser.pass() } catch {
            logger.debug("accounts are erased later", metadata: ["error": "\(error)"])
        }
    }

    private func purge() async {
        do {
            while try await store.purge() == AccountStore.purgeMax {}
            while try await media?.purge(olderThan: Self.unusedMedia) == MediaStore.removedMax {}
        } catch {
            logger.debug("old sessions and pictures are removed later", metadata: ["error": "\(error)"])
        }
    }
}
