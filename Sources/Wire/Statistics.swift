/// The answer to `GET /statistics`: everything that the processes reported, and what follows from it.
public struct Statistics: Codable, Equatable, Sendable {
    /// Entries of a list unless `?full=true` asks for all of them.
    public static let listMax = 100

    public struct CommentAPIs: Codable, Equatable, Sendable {
        public var totalInstances: Int
        public var totalCommentsReceived: Int
        public var totalCommentsPublished: Int
        /// The same as `totalCommentsPublished`.
        public var totalComments: Int
        /// Comments published since the start, by video: those with the most, cut at ``Statistics/listMax``.
        public var commentsByVideo: [String: Int]
        /// Channels that Redis knows a subscriber of; while Redis is away, those that Readers report. Cut.
        public var activeTopics: [String]
        /// Redis's own count of subscribers of each of `activeTopics`; `nil` while it is away.
        public var topicSubscribers: [String: Int]?
        public var instances: [Instance]

        public struct Instance: Codable, Equatable, Sendable {
            public var instanceId: String
            public var totalCommentsReceived: Int
            public var totalCommentsPublished: Int
            public var refusals: [String: Int]
            public var secondsSinceReport: Double
        }
    }

    public struct Readers: Codable, Equatable, Sendable {
        public var totalReaders: Int
        public var totalActiveConnections: Int
        public var totalMessagesReceived: Int
        public var totalMessagesSent: Int
        public var totalSubscribedTopics: Int
        /// Channels that at least one Reader is subscribed to, cut at ``Statistics/listMax``.
        public var allSubscribedTopics: [String]
        public var readers: [Reader]

        public struct Reader: Codable, Equatable, Sendable {
            public var instanceId: String
            public var publicUrl: String?
            public var activeConnections: Int
            public var totalConnections: Int
            public var totalMessagesReceived: Int
            public var totalMessagesSent: Int
            /// The same as `totalMessagesSent`.
            public var messagesSent: Int
            public var totalSubscribedTopics: Int
            public var subscribedTopics: [String]
            public var disconnects: [String: Int]
            public var refusals: [String: Int]
            /// Viewers whose place is another Reader and who were served here: they cannot be redirected.
            public var notRedirected: Int
            /// Channels that are subscribed now for such viewers only.
            public var extraSubscriptions: Int
            public var secondsSinceReport: Double
        }
    }

    public struct Clients: Codable, Equatable, Sendable {
        public var totalClients: Int
        public var totalCommentsGenerated: Int
        public var totalCommentsConsumed: Int
        public var clients: [ClientReport]
    }

    /// How far the subscriptions spread over the Readers. `nil` where a number has no meaning (no channel, no publish).
    public struct SubscriptionSpread: Codable, Equatable, Sendable {
        public struct Reader: Codable, Equatable, Sendable {
            public var instanceId: String
            public var channels: Int
            /// Part of all channels, 0 to 1.
            public var share: Double
        }

        /// Channels with at least one subscription.
        public var channels: Int
        /// Sum of the Readers' subscriptions, as reported.
        public var subscriptions: Int
        /// How many of them would not be there if every viewer could be redirected.
        public var extraSubscriptions = 0
        public var readers: [Reader]
        public var meanShare: Double?
        public var minShare: Double?
        public var maxShare: Double?
        /// What random placement of as many viewers leads to: mean over channels of 1-(1-1/R)^n, estimated from
        /// the viewers of each channel where they are known.
        public var predictedShare: Double?
        /// Redis deliveries for one publish: subscriptions / channels.
        public var amplification: Double?
        /// The same, weighted by each channel's publish rate since the start.
        public var weightedAmplification: Double?
        /// 1 - 1 / amplification, against one Reader a channel.
        public var wastedShare: Double?
        /// Redis's own count (`PUBSUB NUMSUB` over the reported channels), beside `subscriptions`.
        public var redisSubscriptions: Int?
        /// Redis's own number of channels with a subscriber (`PUBSUB CHANNELS`), without the Readers' own probes.
        public var redisChannels: Int?
    }

    /// The comments that are kept.
    public struct StoredComments: Codable, Equatable, Sendable {
        public static let latestMax = 10

        public var total: Int
        /// The newest ones, newest first, at most ``latestMax``.
        public var latestComments: [Comment]
        /// In words: `10 of 1204 latest comments`.
        public var showing: String

        public init(total: Int, newestFirst comments: [Comment]) {
            self.total = total
            latestComments = Array(comments.prefix(Self.latestMax))
            showing = "\(latestComments.count) of \(total) latest comments"
        }
    }

    public var commentApi: CommentAPIs
    public var readerApis: Readers
    public var clients: Clients
    public var storedComments: StoredComments
    public var subscriptionSpread: SubscriptionSpread
    public var timestamp: String

    public init(
        commentApi: CommentAPIs, readerApis: Readers, clients: Clients, storedComments: StoredComments,
        subscriptionSpread: SubscriptionSpread, timestamp: String
    ) {
        self.commentApi = commentApi
        self.readerApis = readerApis
        self.clients = clients
        self.storedComments = storedComments
        self.subscriptionSpread = subscriptionSpread
        self.timestamp = timestamp
    }
}

// How StatsAPI makes its answer: sums are taken over everything, then lists are cut.

extension Statistics.CommentAPIs {
    /// - Parameters:
    ///   - instances: all instances that report; the list keeps `listMax` of them.
    ///   - finishedReceived: comments that instances which are gone were asked for; they stay counted.
    ///   - finishedPublished: comments that they published.
    ///   - commentsByVideo: already cut, and the two that follow.
    public init(
        instances: [Instance], listMax: Int, finishedReceived: Int, finishedPublished: Int,
        commentsByVideo: [String: Int], activeTopics: [String], topicSubscribers: [String: Int]?
    ) {
        totalInstances = instances.count
        totalCommentsReceived = instances.reduce(finishedReceived) { $0 + $1.totalCommentsReceived }
        totalCommentsPublished = instances.reduce(finishedPublished) { $0 + $1.totalCommentsPublished }
        totalComments = totalCommentsPublished
        self.commentsByVideo = commentsByVideo
        self.activeTopics = activeTopics
        self.topicSubscribers = topicSubscribers
        self.instances = Array(instances.prefix(listMax))
    }
}

extension Statistics.CommentAPIs.Instance {
    public init(_ report: CommentAPIReport, secondsSinceReport: Double) {
        instanceId = report.instanceId
        totalCommentsReceived = report.totalCommentsReceived
        totalCommentsPublished = report.totalCommentsPublished
        refusals = report.refusals
        self.secondsSinceReport = secondsSinceReport
    }
}

extension Statistics.Readers {
    /// - Parameters:
    ///   - readers: all Readers; sums are taken over them before the list is cut.
    ///   - listMax: entries that the list keeps.
    ///   - topics: channels with a subscription, already cut; `totalTopics` is their true number.
    public init(readers: [Reader], listMax: Int, topics: [String], totalTopics: Int) {
        totalReaders = readers.count
        totalActiveConnections = readers.reduce(0) { $0 + $1.activeConnections }
        totalMessagesReceived = readers.reduce(0) { $0 + $1.totalMessagesReceived }
        totalMessagesSent = readers.reduce(0) { $0 + $1.totalMessagesSent }
        totalSubscribedTopics = totalTopics
        allSubscribedTopics = topics
        self.readers = Array(readers.prefix(listMax))
    }
}

extension Statistics.Readers.Reader {
    /// - Parameter subscribedTopics: names, already cut; `totalSubscribedTopics` is their true number.
    public init(
        _ report: ReaderReport, totalSubscribedTopics: Int, subscribedTopics: [String], secondsSinceReport: Double
    ) {
        instanceId = report.instanceId
        publicUrl = report.publicUrl
        activeConnections = report.activeConnections
        totalConnections = report.totalConnections
        totalMessagesReceived = report.totalMessagesReceived
        totalMessagesSent = report.totalMessagesSent
        messagesSent = report.totalMessagesSent
        self.totalSubscribedTopics = totalSubscribedTopics
        self.subscribedTopics = subscribedTopics
        disconnects = report.disconnects
        refusals = report.refusals
        notRedirected = report.notRedirected ?? 0
        extraSubscriptions = report.extraSubscriptions ?? 0
        self.secondsSinceReport = secondsSinceReport
    }
}

extension Statistics.Clients {
    /// - Parameters:
    ///   - clients: all clients that report; the list keeps `listMax` of them.
    ///   - finishedGenerated: comments of clients that are gone; they stay counted.
    ///   - finishedConsumed: comments that arrived at clients that are gone.
    public init(clients: [ClientReport], listMax: Int, finishedGenerated: Int, finishedConsumed: Int) {
        totalClients = clients.count
        totalCommentsGenerated = clients.reduce(finishedGenerated) { $0 + $1.commentsGenerated }
        totalCommentsConsumed = clients.reduce(finishedConsumed) { $0 + $1.commentsConsumed }
        self.clients = Array(clients.prefix(listMax))
    }
}

extension Statistics.SubscriptionSpread {
    /// Channels, subscriptions and Readers; every other number follows, and is `nil` until it is set.
    public init(channels: Int, subscriptions: Int, readers: [Reader]) {
        self.channels = channels
        self.subscriptions = subscriptions
        self.readers = readers
    }
}

extension Statistics.SubscriptionSpread.Reader {
    /// - Parameter all: channels with at least one subscription on any Reader.
    public init(_ instanceId: String, channels: Int, of all: Int) {
        self.instanceId = instanceId
        self.channels = channels
        share = all == 0 ? 0 : Double(channels) / Double(all)
    }
}
