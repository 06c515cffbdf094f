import Logging
import ServiceLifecycle
import ServiceStorage
import Social
import Storage

/// Brings new posts into feeds until the process stops.
struct FeedRelay: Service {
    let database: ServiceDatabase
    let logger: Logger
    let fanout: FeedFanout

    private static var settings: OutboxRelay.Settings {
        var settings = OutboxRelay.Settings()
        settings.interval = .milliseconds(200)
        return settings
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            guard await database.waitUntilMigrated() else { return }
            await OutboxRelay(
                pool: database.pool, topic: .feed, settings: Self.settings, logger: logger, handler: fanout.handle
            ).run()
        }
    }
}

/// What the metrics of feeds count.
enum FeedMetricTexts {
    static let all: [(String, String)] = [
        ("chorus_feed_pages_total", "Pages of feeds that were asked for."),
        (
            "chorus_feed_built_total",
            "Feeds that Redis did not have, or not as they are now, and that were read from the database."
        ),
        (
            "chorus_feed_database_reads_total",
            "Parts of pages that were read from the database: below what Redis keeps, or without it."
        ),
        ("chorus_feed_posts_pushed_total", "Posts that were brought into the feeds of followers."),
        ("chorus_feed_posts_pulled_total", "Posts of authors with too many followers: readers find them themselves."),
        ("chorus_feed_pushes_total", "Feeds that a post was offered to."),
    ]
}
