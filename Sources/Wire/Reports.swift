/// What a CommentAPI says of itself: `POST /comment-api-statistics`, once an interval.
public struct CommentAPIReport: Codable, Equatable, Sendable {
    public var instanceId: String
    /// Random, made at the start of the process: a restart is a new session.
    public var session: String
    /// Comments that were asked for, since the start.
    public var totalCommentsReceived: Int
    /// Comments that were published, since the start.
    public var totalCommentsPublished: Int
    /// Refusals since the start, by error code.
    public var refusals: [String: Int]
    /// Comments published since the last report that was accepted, by channel name.
    public var publishedByChannel: [String: Int]
    /// Published since the last accepted report on channels that did not fit into `publishedByChannel`.
    public var publishedElsewhere: Int
    /// `nil` without a database.
    public var database: Database?
    /// The newest comments that are kept, newest first, at most ten: the database's, or those of this instance.
    public var latestComments: [Comment]?

    /// The database that keeps the comments.
    public struct Database: Codable, Equatable, Sendable {
        /// The same for all instances on one database; `nil` until the instance has asked it.
        public var id: String?
        public var storedComments: Int

        public init(id: String?, storedComments: Int) {
            self.id = id
            self.storedComments = storedComments
        }
    }

    public init(
        instanceId: String, session: String, totalCommentsReceived: Int, totalCommentsPublished: Int,
        refusals: [String: Int] = [:], publishedByChannel: [String: Int] = [:], publishedElsewhere: Int = 0,
        database: Database? = nil, latestComments: [Comment] = []
    ) {
        self.instanceId = instanceId
        self.session = session
        self.totalCommentsReceived = totalCommentsReceived
        self.totalCommentsPublished = totalCommentsPublished
        self.refusals = refusals
        self.publishedByChannel = publishedByChannel
        self.publishedElsewhere = publishedElsewhere
        self.database = database
        self.latestComments = latestComments
    }
}

/// What a Reader says of itself: `POST /reader-api-statistics`, once an interval.
///
/// The set of subscriptions is carried as changes. `sequence` counts the reports of a session from 0; report 0 and every
/// report with `full` carry the whole set in `subscribed`. Whoever holds the set answers ``ReportAcknowledgement`` with
/// `resync` when a report does not continue what it has, and the Reader's next report is full.
public struct ReaderReport: Codable, Equatable, Sendable {
    public var instanceId: String
    public var session: String
    public var sequence: Int
    public var full: Bool
    /// Names of channels that joined the set since the last accepted report.
    public var subscribed: [String]
    /// Names of channels that left it.
    public var unsubscribed: [String]
    /// The size of the set after this report.
    public var subscriptions: Int
    /// Viewers of each channel whose number changed since the last accepted report (all with `full`).
    public var viewers: [String: Int]
    public var publicUrl: String?
    public var activeConnections: Int
    public var totalConnections: Int
    /// Messages that came from Redis, since the start.
    public var totalMessagesReceived: Int
    /// Events written to viewers, since the start.
    public var totalMessagesSent: Int
    /// Connections that ended, since the start, by reason.
    public var disconnects: [String: Int]
    /// Connections that were refused, since the start, by error code.
    public var refusals: [String: Int]
    /// Viewers whose place is another Reader and who were served here, since the start: they cannot be redirected.
    public var notRedirected: Int?
    /// Channels that are subscribed now for such viewers only.
    public var extraSubscriptions: Int?

    public init(
        instanceId: String, session: String, sequence: Int, full: Bool, subscribed: [String], unsubscribed: [String],
        subscriptions: Int, viewers: [String: Int] = [:], publicUrl: String?, activeConnections: Int,
        totalConnections: Int, totalMessagesReceived: Int, totalMessagesSent: Int, disconnects: [String: Int] = [:],
        refusals: [String: Int] = [:], notRedirected: Int? = nil, extraSubscriptions: Int? = nil
    ) {
        self.instanceId = instanceId
        self.session = session
        self.sequence = sequence
        self.full = full
        self.subscribed = subscribed
        self.unsubscribed = unsubscribed
        self.subscriptions = subscriptions
        self.viewers = viewers
        self.publicUrl = publicUrl
        self.activeConnections = activeConnections
        self.totalConnections = totalConnections
        self.totalMessagesReceived = totalMessagesReceived
        self.totalMessagesSent = totalMessagesSent
        self.disconnects = disconnects
        self.refusals = refusals
        self.notRedirected = notRedirected
        self.extraSubscriptions = extraSubscriptions
    }
}

/// What a simulated client, or a whole swarm, says of itself: `POST /client-statistics`.
public struct ClientReport: Codable, Equatable, Sendable {
    public var clientId: String
    public var userid: String?
    public var videoid: String?
    /// The Reader that it is connected to; `nil` for a swarm.
    public var reader: String?
    /// Viewers that this client stands for: 1, or the size of the swarm.
    public var viewers: Int
    public var connected: Int
    public var commentsGenerated: Int
    public var commentsConsumed: Int
    public var reconnects: Int

    public init(
        clientId: String, userid: String? = nil, videoid: String? = nil, reader: String? = nil, viewers: Int = 1,
        connected: Int = 0, commentsGenerated: Int = 0, commentsConsumed: Int = 0, reconnects: Int = 0
    ) {
        self.clientId = clientId
        self.userid = userid
        self.videoid = videoid
        self.reader = reader
        self.viewers = viewers
        self.connected = connected
        self.commentsGenerated = commentsGenerated
        self.commentsConsumed = commentsConsumed
        self.reconnects = reconnects
    }
}

/// The answer to every report.
public struct ReportAcknowledgement: Codable, Equatable, Sendable {
    public var success: Bool
    /// The receiver does not have what this report continues: send the next one full.
    public var resync: Bool

    public init(success: Bool = true, resync: Bool = false) {
        self.success = success
        self.resync = resync
    }
}
