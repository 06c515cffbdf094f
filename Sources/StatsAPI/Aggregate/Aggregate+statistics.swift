internal import BitCollections
internal import Wire

extension Aggregate {
    /// The answer to `GET /statistics`.
    ///
    /// - Parameters:
    ///   - full: lists are not cut.
    ///   - timestamp: RFC 3339.
    ///   - redis: Redis's own counts; `nil` when it did not answer.
    mutating func statistics(
        at now: Duration, timestamp: String, full: Bool = false, redis: RedisCounts.Count? = nil
    ) -> Statistics {
        expire(at: now)
        let listMax = full ? Int.max : Statistics.listMax
        let counts = SubscriptionCounts(self)
        // Sorted once; every list of names follows this order.
        let sorted = full ? counts.union.sorted { channels.name(of: $0) < channels.name(of: $1) } : nil
        return Statistics(
            commentApi: commentAPIStatistics(at: now, listMax: listMax, counts: counts, redis: redis),
            readerApis: readerStatistics(at: now, listMax: listMax, counts: counts, sorted: sorted),
            clients: clientStatistics(listMax: listMax), storedComments: storedComments(),
            subscriptionSpread: spread(counts: counts, redis: redis, listMax: listMax), timestamp: timestamp)
    }

    /// Names of all channels with a subscription, in no order: what to ask Redis about.
    func subscribedChannelNames() -> [String] {
        SubscriptionCounts(self).union.map { channels.name(of: $0) }
    }

    private func commentAPIStatistics(
        at now: Duration, listMax: Int, counts: SubscriptionCounts, redis: RedisCounts.Count?
    ) -> Statistics.CommentAPIs {
        let instances = commentAPIs.values.map { entry in
            Statistics.CommentAPIs.Instance(entry.report, secondsSinceReport: (now - entry.lastReport).seconds)
        }
        let active: [String]
        if let redis {
            active = redis.byChannel.keys.sorted().prefix(listMax).map { $0 }
        } else {
            active = names(counts.union.prefix(listMax))
        }
        return Statistics.CommentAPIs(
            instances: instances.sorted { $0.instanceId < $1.instanceId }, listMax: listMax,
            finishedReceived: finishedCommentAPIs.sum.first, finishedPublished: finishedCommentAPIs.sum.second,
            commentsByVideo: commentsByVideo(listMax: listMax), activeTopics: active,
            topicSubscribers: redis.map { redis in
                Dictionary(uniqueKeysWithValues: active.map { ($0, redis.byChannel[$0] ?? 0) })
            })
    }

    /// The videos with the most comments.
    private func commentsByVideo(listMax: Int) -> [String: Int] {
        var videos: [(id: String, count: Int)] = []
        for (id, count) in published {
            guard let channel = Channel(name: channels.name(of: id)), channel.kind == .video else { continue }
            videos.append((channel.id, count))
        }
        if videos.count > listMax { videos.sort { ($0.count, $1.id) > ($1.count, $0.id) } }
        return Dictionary(videos.prefix(listMax).map { ($0.id, $0.count) }) { first, _ in first }
    }

    /// Reports of one database are one total, and its newest report counts. A CommentAPI without a database adds what it
    /// published, also after its end. The newest comments of all reports are merged, one comment of each id.
    private func storedComments() -> Statistics.StoredComments {
        let reports = commentAPIs.values.map(\.report)
        let published = reports.reduce(0) { $0 + ($1.database == nil ? $1.totalCommentsPublished : 0) }
        var comments: [String: Comment] = [:]
        for comment in reports.flatMap({ $0.latestComments ?? [] }) { comments[comment.id] = comment }
        let newest = comments.values.sorted { ($0.timestamp, $0.id) > ($1.timestamp, $1.id) }
        return Statistics.StoredComments(
            total: databases.values.reduce(published + finishedCommentAPIs.sum.third, +), newestFirst: newest)
    }

    private func readerStatistics(
        at now: Duration, listMax: Int, counts: SubscriptionCounts, sorted: [Int]?
    ) -> Statistics.Readers {
        func list(_ ids: BitSet) -> [String] {
            guard let sorted else { return names(ids.prefix(listMax)) }
            return sorted.lazy.filter { ids.contains($0) }.map { channels.name(of: $0) }
        }
        let all = sortedReaders.map { record in
            Statistics.Readers.Reader(
                record.report, totalSubscribedTopics: record.subscribed.count,
                subscribedTopics: list(record.subscribed), secondsSinceReport: (now - record.lastReport).seconds)
        }
        return Statistics.Readers(
            readers: all, listMax: listMax, topics: list(counts.union), totalTopics: counts.union.count)
    }

    private func clientStatistics(listMax: Int) -> Statistics.Clients {
        Statistics.Clients(
            clients: clients.values.map(\.report).sorted { $0.clientId < $1.clientId }, listMax: listMax,
            finishedGenerated: finishedClients.sum.first, finishedConsumed: finishedClients.sum.second)
    }

    var sortedReaders: [ReaderRecord] {
        readers.values.sorted { $0.report.instanceId < $1.report.instanceId }
    }

    /// A list that is cut has the channels that were seen first; its names are sorted.
    private func names(_ ids: some Sequence<Int>) -> [String] { ids.map { channels.name(of: $0) }.sorted() }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
