import Broker
import Wire

/// Comments in Redis alone: kept for as long as the channel's history keeps them.
struct RedisCommentRepository: CommentRepository {
    /// Reads for one page of comments: removals lie between them and do not count.
    private static let readsMax = 32

    let broker: any EventLog

    func publish(
        _ comment: Comment, to channel: Channel, isRepeatable: Bool
    ) async throws(CommentError) -> Publication {
        let key = CommentEvents.key(ofComment: comment.id)
        if isRepeatable, let earlier = try await find(key, in: channel) {
            return try .repeated(comment, of: CommentEvents.comment(in: earlier.payload), at: earlier.position)
        }
        let position = try await CommentError.ofBroker { () throws(BrokerError) in
            let frame = CommentEvents.frame(of: comment)
            guard isRepeatable else { return try await broker.publish(frame, to: channel) }
            return try await broker.publishOnce(frame, to: channel, unless: [key])
        }
        return Publication(comment: comment, position: position)
    }

    func history(of channel: Channel, before: String?, limit: Int) async throws(CommentError) -> CommentPage {
        let cursor = try await position(before, in: channel)
        var page = CommentPage(comments: [], next: nil)
        var last = cursor
        for _ in 0..<Self.readsMax {
            let wanted = limit - page.comments.count
            let events = try await CommentError.ofBroker { () throws(BrokerError) in
                try await broker.latest(of: channel, before: last?.offset, limit: wanted + 1)
            }
            if let cursor, let epoch = events.first?.position.epoch, epoch != cursor.epoch { throw .unknownCursor }
            for event in events.prefix(wanted) {
                if let comment = CommentEvents.placed(event) { page.comments.append(comment) }
                last = event.position
            }
            guard events.count > wanted else { return page }
            if page.comments.count == limit { break }
        }
        page.next = last?.description
        return page
    }

    func remove(_ request: RemovalRequest) async throws(CommentError) -> RemovalOutcome {
        guard let channel = request.channel else { throw .videoNeeded }
        let done = RemovalOutcome(channel: channel, isPublished: true)
        guard let event = try await find(CommentEvents.key(ofComment: request.id), in: channel) else {
            guard try await find(CommentEvents.key(ofRemoval: request.id), in: channel) != nil else { throw .notFound }
            return done
        }
        let author = CommentEvents.comment(in: event.payload)?.userid
        guard request.isModerator || (author != nil && author == request.user) else { throw .forbidden }
        _ = try await CommentError.ofBroker { () throws(BrokerError) in
            try await broker.publishRemoval(of: request.id, in: channel, at: event.position)
        }
        return done
    }

    /// Cursors here are positions; the id of a comment serves as long as the comment is there.
    private func position(_ before: String?, in channel: Channel) async throws(CommentError) -> Position? {
        guard let before else { return nil }
        if let position = Position(parsing: before) { return position }
        guard let event = try await find(CommentEvents.key(ofComment: before), in: channel) else {
            throw .unknownCursor
        }
        return event.position
    }

    private func find(_ key: EventKey, in channel: Channel) async throws(CommentError) -> PlacedEvent? {
        try await CommentError.ofBroker { () throws(BrokerError) in try await broker.find(key, in: channel) }
    }
}
