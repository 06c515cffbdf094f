import Broker
import Wire

/// Comments in Redis alone: kept for as long as the channel's history keeps them.
struct RedisCommentRepository: CommentRepository {
    /// Reads for one page of comments: removals lie between them and do not count.
    private static let readsMax = 32

    let broker: any EventLog

    /// Every comment has its name in the history: a client may choose the id of somebody else's comment.
    func publish(_ comment: Comment, to channel: Channel) async throws -> Publication {
        let publication = try await broker.publish(
            CommentEvents.frame(of: comment), to: channel, named: CommentEvents.name(ofComment: comment.id),
            unless: [CommentEvents.name(ofRemoval: comment.id)])
        switch publication {
        case .published(let position): return Publication(comment: comment, position: position)
        case .found(let event):
            // A removal is no comment, so its id is taken.
            return try .repeated(comment, of: CommentEvents.comment(in: event.payload), at: event.position)
        }
    }

    func history(of channel: Channel, before: String?, limit: Int) async throws -> CommentPage {
        let cursor = try await position(before, in: channel)
        var page = CommentPage(comments: [], next: nil)
        var last = cursor
        for _ in 0..<Self.readsMax {
            let wanted = limit - page.comments.count
            let events = try await broker.latest(of: channel, before: last?.offset, limit: wanted + 1)
            if let cursor, let epoch = events.first?.position.epoch, epoch != cursor.epoch {
                throw CommentError.unknownCursor
            }
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

    func remove(_ request: RemovalRequest) async throws -> RemovalOutcome {
        guard let channel = request.channel else { throw CommentError.videoNeeded }
        let done = RemovalOutcome(channel: channel, isPublished: true)
        guard let event = try await broker.find(CommentEvents.key(ofComment: request.id), in: channel) else {
            guard try await broker.find(CommentEvents.key(ofRemoval: request.id), in: channel) != nil else {
                throw CommentError.notFound
            }
            return done
        }
        let author = CommentEvents.comment(in: event.payload)?.userid
        guard request.isModerator || (author != nil && author == request.user) else { throw CommentError.forbidden }
        _ = try await broker.publish(
            CommentEvents.removal(of: request.id, in: channel, at: event.position), to: channel,
            named: CommentEvents.name(ofRemoval: request.id), unless: [])
        try await broker.remove(event.position, from: channel)
        return done
    }

    /// Cursors here are positions; the id of a comment serves as long as the comment is there.
    private func position(_ before: String?, in channel: Channel) async throws -> Position? {
        guard let before else { return nil }
        if let position = Position(parsing: before) { return position }
        guard let event = try await broker.find(CommentEvents.key(ofComment: before), in: channel) else {
            throw CommentError.unknownCursor
        }
        return event.position
    }
}
