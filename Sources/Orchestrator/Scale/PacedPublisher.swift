import Audience
import Foundation
import Primitives
import RedisNIO
import Testbed

/// Comments at a stated rate, in an open loop: each goes out when it is due, whatever became of those before.
struct PacedPublisher: Sendable {
    let settings: ScaleSettings
    let layout: ScaleLayout
    let port: Int

    /// Publishes over a connection of the Chorus client, and says what must have come of it.
    func run() async throws -> (ScaleCase.Paced, ExpectedDeliveries) {
        try await RedisProbe(port: port).withClient(graceWait: .seconds(20), commandTimeout: .seconds(60)) {
            try await publish($0)
        }
    }

    private func publish(_ redis: RedisClient) async throws -> (ScaleCase.Paced, ExpectedDeliveries) {
        var frames = ScaleFrames(layout.audience)
        var truth = ExpectedDeliveries(readers: layout.readers.count)
        var paced = ScaleCase.Paced()
        var due = Comments(layout.audience, settings)
        let start = ContinuousClock.now
        while let first = due.first {
            let now = (ContinuousClock.now - start).seconds
            guard first.seconds <= now else {
                try await Task.sleep(for: .seconds(min(first.seconds - now, 0.1)))
                continue
            }
            paced.lateMillisecondsMax = max(paced.lateMillisecondsMax, (now - first.seconds) * 1000)
            var commands: [RedisCommand] = []
            while let comment = due.take(until: now) {
                truth.publish(comment.channel, in: layout.assignment)
                commands.append(frames.nextPublish(comment.channel, stamp: WallClock.microseconds()).command)
            }
            for reply in try await redis.send(contentsOf: commands) {
                paced.redisDeliveries += Int(reply.integer ?? 0)
            }
        }
        paced.publishes = truth.publishes
        return (paced, truth)
    }

    /// The comments that are still to be written.
    private struct Comments {
        struct Comment {
            var seconds: Double
            var channel: Int
        }

        /// In one pipeline.
        private static let batchMax = 1_000
        private var arrivals: CommentArrivals
        private let end: Double
        private(set) var first: Comment?
        private var taken = 0

        init(_ audience: Audience, _ settings: ScaleSettings) {
            arrivals = CommentArrivals(audience, rate: settings.rate)
            end = settings.duration
            advance()
        }

        private mutating func advance() {
            first = arrivals.next().flatMap { comment in
                let seconds = Double(comment.nanoseconds) / 1e9
                return seconds < end ? Comment(seconds: seconds, channel: comment.channel) : nil
            }
        }

        /// The next one if it is due; `nil` also when the batch is full.
        mutating func take(until now: Double) -> Comment? {
            guard let comment = first, comment.seconds <= now, taken < Comments.batchMax else {
                taken = 0
                return nil
            }
            taken += 1
            advance()
            return comment
        }
    }
}
