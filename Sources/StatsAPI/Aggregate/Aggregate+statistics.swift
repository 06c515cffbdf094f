internal import Wire

extension Aggregate {
    /// What others than the reporting processes know; `nil` where they were not asked or did not answer.
    struct Outside: Equatable {
        var storedComments: Int?
        /// `PUBSUB NUMSUB`, summed over the reported channels.
        var redisSubscriptions: Int?
        /// `PUBSUB CHANNELS`, without the Readers' own probes.
        var redisChannels: Int?
    }

    /// The answer to `GET /statistics`.
    ///
    /// - Parameters:
    ///   - full: lists are not cut.
    ///   - timestamp: RFC 3339.
    ///   - outside: without `storedComments` the published ones stand for it.
    mutating func statistics(
        at now: Duration, timestamp: String, full: Bool = false, outside: Outside = Outside()
    ) -> Statistics {
        expire(at: now)
        let listMax = full ? Int.max : Statistics.listMax
        let apis = commentAPIStatistics(at: now, listMax: listMax)
        let counts = SubscriptionCounts(self)
        return Statistics(
            commentApi: apis,
            readerApis: readerStatistics(at: now, listMax: listMax, counts: counts),
            clients: clientStatistics(listMax: listMax),
            storedComments: outside.storedComments ?? apis.totalCommentsPublished,
            subscriptionSpread: spread(counts: counts, outside: outside, listMax: listMax),
            timestamp: timestamp)
    }

    /// Names of all channels with a subscription: what to ask Redis about.
    func subscribedChannelNames(max: Int = .max) -> [String] {
        names(SubscriptionCounts(self).union.prefix(max))
    }

    private func commentAPIStatistics(at now: Duration, listMax: Int) -> Statistics.CommentAPIs {
        let instances = commentAPIs.values.map { entry in
            Statistics.CommentAPIs.Instance(entry.report, secondsSinceReport: (now - entry.lastReport).seconds)
        }
        return Statistics.CommentAPIs(
            instances: instances.sorted { $0.instanceId < $1.instanceId }, listMax: listMax,
            finishedReceived: finishedCommentAPIs.sum.first, finishedPublished: finishedCommentAPIs.sum.second)
    }

    private func readerStatistics(
        at now: Duration, listMax: Int, counts: SubscriptionCounts
    ) -> Statistics.Readers {
        let all = sortedReaders.map { record in
            Statistics.Readers.Reader(
                record.report, totalSubscribedTopics: record.subscribed.count,
                subscribedTopics: names(record.subscribed.prefix(listMax)),
                secondsSinceReport: (now - record.lastReport).seconds)
        }
        return Statistics.Readers(
            readers: all, listMax: listMax, topics: names(counts.union.prefix(listMax)),
            totalTopics: counts.union.count)
    }

    private func clientStatistics(listMax: Int) -> Statistics.Clients {
        Statistics.Clients(
            clients: clients.values.map(\.report).sorted { $0.clientId < $1.clientId }, listMax: listMax,
            finishedGenerated: finishedClients.sum.first, finishedConsumed: finishedClients.sum.second)
    }

    var sortedReaders: [ReaderRecord] {
        readers.values.sorted { $0.report.instanceId < $1.report.instanceId }
    }

    /// Cut lists are of the channels that were seen first; within a list names are sorted.
    private func names(_ ids: [Int32]) -> [String] { ids.map { channels.name(of: $0) }.sorted() }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
