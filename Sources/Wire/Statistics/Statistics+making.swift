// Memberwise initialisers: the compiler's own are not public, and StatsAPI makes these values.

extension Statistics.CommentAPIs {
    public init(
        totalInstances: Int, totalCommentsReceived: Int, totalCommentsPublished: Int, instances: [Instance]
    ) {
        self.totalInstances = totalInstances
        self.totalCommentsReceived = totalCommentsReceived
        self.totalCommentsPublished = totalCommentsPublished
        self.instances = instances
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
    public init(totalClients: Int, generated: Int, consumed: Int, clients: [ClientReport]) {
        self.totalClients = totalClients
        totalCommentsGenerated = generated
        totalCommentsConsumed = consumed
        self.clients = clients
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
    public init(instanceId: String, channels: Int, share: Double) {
        self.instanceId = instanceId
        self.channels = channels
        self.share = share
    }
}
