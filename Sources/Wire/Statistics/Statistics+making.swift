// How StatsAPI makes its answer: sums are taken over everything, then lists are cut.

extension Statistics.CommentAPIs {
    /// - Parameters:
    ///   - instances: all instances that report; the list keeps `listMax` of them.
    ///   - finishedReceived: comments that instances which are gone were asked for; they stay counted.
    ///   - finishedPublished: comments that they published.
    public init(instances: [Instance], listMax: Int, finishedReceived: Int, finishedPublished: Int) {
        totalInstances = instances.count
        totalCommentsReceived = instances.reduce(finishedReceived) { $0 + $1.totalCommentsReceived }
        totalCommentsPublished = instances.reduce(finishedPublished) { $0 + $1.totalCommentsPublished }
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
        self.totalSubscribedTopics = totalSubscribedTopics
        self.subscribedTopics = subscribedTopics
        disconnects = report.disconnects
        refusals = report.refusals
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
