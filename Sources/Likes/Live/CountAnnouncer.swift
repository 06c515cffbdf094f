import Broker
import CoreMetrics
import Logging
import Primitives
import RedisNIO
import Wire

/// Sends photos' counts to whoever watches, as state events on `photo:<id>`.
///
/// A key that lives for an interval is a photo's share of the second, for all replicas together: whoever sets it
/// announces, the others look again when it is gone. Each reads the count after that, so the last event after the last
/// change carries the exact total.
final class CountAnnouncer: Sendable {
    private let store: PartitionStore
    private let counts: CountReader
    private let broker: any Broker
    private let metrics: LikeMetrics
    private let logger: Logger
    private let interval: Duration
    private let schedule: Mutex<AnnouncementSchedule>
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// Photos with something to announce at a time, and of one round.
    private static let photosMax = 100_000
    private static let roundMax = 1_024
    private static let wantedPause = Duration.milliseconds(200)

    init(
        store: PartitionStore, counts: CountReader, broker: any Broker, settings: LikeSettings, metrics: LikeMetrics,
        logger: Logger
    ) {
        self.store = store
        self.counts = counts
        self.broker = broker
        self.metrics = metrics
        self.logger = logger
        interval = .seconds(1) / max(1, settings.eventsPerSecond)
        schedule = Mutex(AnnouncementSchedule(interval: interval.nanoseconds, limit: Self.photosMax))
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func changed(_ updates: [PartitionUpdate]) {
        guard updates.contains(where: \.changed) else { return }
        let dropped = schedule.withLock { schedule in
            updates.count { $0.changed && !schedule.changed($0.photo) }
        }
        if dropped > 0 { metrics.announcementsDropped.increment(by: dropped) }
        signal.yield()
    }

    /// Announces until the task is cancelled.
    func run() async {
        let step = max(.milliseconds(5), interval / 8)
        for await _ in signals {
            while !Task.isCancelled, !schedule.withLock({ $0.isIdle }) {
                let due = schedule.withLock { $0.due(now: MonotonicClock.now(), limit: Self.roundMax) }
                if !due.isEmpty { await announce(due) }
                // Cancelled while sleeping: the loop's condition ends it.
                try? await Task.sleep(for: step)
            }
            if Task.isCancelled { return }
        }
    }

    /// Answers Readers who could not find a photo's count in Redis, until the task is cancelled.
    func answerReaders() async {
        while !Task.isCancelled {
            // Cancelled while sleeping: the loop's condition ends it.
            try? await Task.sleep(for: Self.wantedPause)
            var photos: [String] = []
            do throws(LikeError) {
                let reply = try await store.send([RedisCommand("SPOP", LikeKeys.wanted, "\(Self.roundMax)")]).first
                photos = (reply?.array ?? []).compactMap(\.text).filter { Identifier.isValid($0) }
                try await answer(photos)
            } catch {
                logger.debug("Readers' questions cannot be answered", metadata: ["error": "\(error)"])
                // Asked again later; a question that is lost with Redis is no longer asked by anybody.
                if !photos.isEmpty { _ = try? await store.send([RedisCommand("SADD", [LikeKeys.wanted] + photos)]) }
            }
        }
    }

    private func answer(_ photos: [String]) async throws(LikeError) {
        guard !photos.isEmpty else { return }
        for (photo, total) in zip(photos, try await counts.totals(of: photos, isFresh: true)) {
            guard let total, let channel = Channel.photo(photo) else { continue }
            await send(photo, total, channel)
        }
    }

    private func announce(_ photos: [String]) async {
        do throws(LikeError) {
            let milliseconds = Int(max(1, interval.milliseconds))
            let shares = try await store.takeEach(photos.map { LikeKeys.announced($0) }, milliseconds: milliseconds)
            let pairs = zip(photos, shares)
            postpone(pairs.filter { !$1 }.map(\.0))
            try await announce(granted: pairs.filter { $1 }.map(\.0))
        } catch {
            logger.debug("counts cannot be announced", metadata: ["error": "\(error)"])
            postpone(photos)
        }
    }

    private func announce(granted photos: [String]) async throws(LikeError) {
        guard !photos.isEmpty else { return }
        let totals = try await counts.totals(of: photos, isFresh: true)
        let now = MonotonicClock.now()
        await withTaskGroup(of: Void.self) { group in
            for (photo, total) in zip(photos, totals) {
                guard let total, let channel = Channel.photo(photo),
                    schedule.withLock({ $0.announces(photo, version: total.version, now: now) })
                else { continue }
                group.addTask { await self.send(photo, total, channel) }
            }
        }
    }

    private func send(_ photo: String, _ total: PhotoTotal, _ channel: Channel) async {
        do {
            try await broker.publishState(total.frame(photo: photo), to: channel)
            metrics.announced.increment()
        } catch {
            postpone([photo])
        }
    }

    private func postpone(_ photos: [String]) {
        guard !photos.isEmpty else { return }
        let now = MonotonicClock.now()
        let pause = interval.nanoseconds / 2
        schedule.withLock { schedule in
            for photo in photos { schedule.deferred(photo, now: now, by: pause) }
        }
        metrics.announcementsDeferred.increment(by: photos.count)
    }
}

extension PhotoTotal {
    /// The state event that carries a photo's count: `event: likes`,
    /// `data: {"photoid":"p9","count":1204,"version":88}`.
    func frame(photo: String) -> [UInt8] {
        var object = JSONText(capacity: 96)
        object.member("photoid", photo)
        object.member("count", count)
        object.member("version", version)
        return EventStream.frame(data: object.finished(), event: "likes")
    }
}
