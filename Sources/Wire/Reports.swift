// Reports are decoded leniently: only the id must be there, every other member has a default, and members are known by
// the names of the reference design too, which reports totals where Chorus reports changes.

/// What a CommentAPI says of itself: `POST /comment-api-statistics`, once an interval.
public struct CommentAPIReport: Codable, Equatable, Sendable {
    /// `comment-api` when the report has none: the reference design has one CommentAPI.
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
    /// Comments published since the start, by video: of a CommentAPI that reports no changes. `nil` else.
    public var commentsByVideo: [String: Int]?

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

    private enum ReferenceKeys: String, CodingKey {
        case totalComments
    }

    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        let total =
            try decoder.container(keyedBy: ReferenceKeys.self).decodeIfPresent(Int.self, forKey: .totalComments) ?? 0
        instanceId = try members.decodeIfPresent(String.self, forKey: .instanceId) ?? "comment-api"
        session = try members.decodeIfPresent(String.self, forKey: .session) ?? ""
        totalCommentsReceived = try members.decodeIfPresent(Int.self, forKey: .totalCommentsReceived) ?? total
        totalCommentsPublished = try members.decodeIfPresent(Int.self, forKey: .totalCommentsPublished) ?? total
        refusals = try members.decodeIfPresent([String: Int].self, forKey: .refusals) ?? [:]
        publishedByChannel = try members.decodeIfPresent([String: Int].self, forKey: .publishedByChannel) ?? [:]
        publishedElsewhere = try members.decodeIfPresent(Int.self, forKey: .publishedElsewhere) ?? 0
        database = try members.decodeIfPresent(Database.self, forKey: .database)
        latestComments = try members.decodeIfPresent([Comment].self, forKey: .latestComments)
        commentsByVideo = try members.decodeIfPresent([String: Int].self, forKey: .commentsByVideo)
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
    /// Messages written to viewers, one for each viewer and message, since the start: no counts of likes and viewers.
    public var totalMessagesSent: Int
    /// Connections that ended, since the start, by reason.
    public var disconnects: [String: Int]
    /// Connections that were refused, since the start, by error code.
    public var refusals: [String: Int]
    /// Viewers whose place is another Reader and who were served here, since the start: they cannot be redirected.
    public var notRedirected: Int?
    /// Channels that are subscribed now for such viewers only.
    public var extraSubscriptions: Int?
    /// How it places viewers: `random`, `rendezvous`, `overflow`.
    public var placement: String?
    /// From a comment's timestamp, by the wall clock of its CommentAPI, until the last viewer's bytes were with the kernel, by
    /// the Reader's; since the start.
    public var deliveryTimes: DurationHistogram?

    public init(
        instanceId: String, session: String, sequence: Int, full: Bool, subscribed: [String], unsubscribed: [String],
        subscriptions: Int, viewers: [String: Int] = [:], publicUrl: String?, activeConnections: Int,
        totalConnections: Int, totalMessagesReceived: Int, totalMessagesSent: Int, disconnects: [String: Int] = [:],
        refusals: [String: Int] = [:], notRedirected: Int? = nil, extraSubscriptions: Int? = nil,
        placement: String? = nil, deliveryTimes: DurationHistogram? = nil
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
        self.placement = placement
        self.deliveryTimes = deliveryTimes
    }

    private enum ReferenceKeys: String, CodingKey {
        case subscribedTopics, messagesSent
    }

    /// A report of the reference design is full: it has `subscribedTopics`, all of them.
    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        let reference = try decoder.container(keyedBy: ReferenceKeys.self)
        let topics = try reference.decodeIfPresent([String].self, forKey: .subscribedTopics)
        let sent = try reference.decodeIfPresent(Int.self, forKey: .messagesSent) ?? 0
        instanceId = try members.decode(String.self, forKey: .instanceId)
        session = try members.decodeIfPresent(String.self, forKey: .session) ?? ""
        sequence = try members.decodeIfPresent(Int.self, forKey: .sequence) ?? 0
        full = try members.decodeIfPresent(Bool.self, forKey: .full) ?? (topics != nil)
        subscribed = try members.decodeIfPresent([String].self, forKey: .subscribed) ?? topics ?? []
        unsubscribed = try members.decodeIfPresent([String].self, forKey: .unsubscribed) ?? []
        subscriptions = try members.decodeIfPresent(Int.self, forKey: .subscriptions) ?? Set(subscribed).count
        viewers = try members.decodeIfPresent([String: Int].self, forKey: .viewers) ?? [:]
        publicUrl = try members.decodeIfPresent(String.self, forKey: .publicUrl)
        activeConnections = try members.decodeIfPresent(Int.self, forKey: .activeConnections) ?? 0
        totalConnections = try members.decodeIfPresent(Int.self, forKey: .totalConnections) ?? activeConnections
        totalMessagesReceived = try members.decodeIfPresent(Int.self, forKey: .totalMessagesReceived) ?? 0
        totalMessagesSent = try members.decodeIfPresent(Int.self, forKey: .totalMessagesSent) ?? sent
        disconnects = try members.decodeIfPresent([String: Int].self, forKey: .disconnects) ?? [:]
        refusals = try members.decodeIfPresent([String: Int].self, forKey: .refusals) ?? [:]
        notRedirected = try members.decodeIfPresent(Int.self, forKey: .notRedirected)
        extraSubscriptions = try members.decodeIfPresent(Int.self, forKey: .extraSubscriptions)
        placement = try members.decodeIfPresent(String.self, forKey: .placement)
        deliveryTimes = try members.decodeIfPresent(DurationHistogram.self, forKey: .deliveryTimes)
    }
}

/// What a LikeAPI says of itself: `POST /like-api-statistics`, once an interval.
public struct LikeReport: Codable, Equatable, Sendable {
    public var instanceId: String
    public var session: String
    /// Likes and unlikes that changed something, since the start.
    public var changed: Int
    /// Changes that this process stored in the database, since the start.
    public var recorded: Int
    /// Changes that wait for the database, over all partitions; `nil` in a process that does not look.
    public var backlog: Int?
    /// Age of the oldest change in the last batches of this process; `nil` in one that stores nothing.
    public var lagSeconds: Double?
    /// Refusals since the start, by error code.
    public var refusals: [String: Int]

    public init(
        instanceId: String, session: String, changed: Int, recorded: Int, backlog: Int?, lagSeconds: Double?,
        refusals: [String: Int]
    ) {
        self.instanceId = instanceId
        self.session = session
        self.changed = changed
        self.recorded = recorded
        self.backlog = backlog
        self.lagSeconds = lagSeconds
        self.refusals = refusals
    }
}

/// What a simulated client, or a whole swarm, says of itself: `POST /client-statistics`.
///
/// `userid`, `videoid` and `reader` are written, and read, under the reference design's names too: `userId`, `videoId`,
/// `connectedReader`.
public struct ClientReport: Codable, Equatable, Sendable {
    public var clientId: String
    public var userid: String?
    public var videoid: String?
    /// The Reader that it is connected to; `nil` for a swarm.
    public var reader: String?
    /// Names of the channels that it follows, where it says so.
    public var subscribedTopics: [String]?
    /// Viewers that this client stands for: 1, or the size of the swarm.
    public var viewers: Int
    /// Viewers that are connected; of a report without it all of them when it names a Reader, else none.
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

    private enum CodingKeys: String, CodingKey {
        case clientId, userid, videoid, reader, subscribedTopics, viewers, connected
        case commentsGenerated, commentsConsumed, reconnects
    }

    private enum ReferenceKeys: String, CodingKey {
        case userId, videoId, connectedReader
    }

    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        let reference = try decoder.container(keyedBy: ReferenceKeys.self)
        func text(_ key: CodingKeys, _ other: ReferenceKeys) throws -> String? {
            try members.decodeIfPresent(String.self, forKey: key)
                ?? reference.decodeIfPresent(String.self, forKey: other)
        }
        func count(_ key: CodingKeys) throws -> Int? { try members.decodeIfPresent(Int.self, forKey: key) }
        clientId = try members.decode(String.self, forKey: .clientId)
        userid = try text(.userid, .userId)
        videoid = try text(.videoid, .videoId)
        reader = try text(.reader, .connectedReader)
        subscribedTopics = try members.decodeIfPresent([String].self, forKey: .subscribedTopics)
        viewers = try count(.viewers) ?? 1
        connected = try count(.connected) ?? (reader == nil ? 0 : viewers)
        commentsGenerated = try count(.commentsGenerated) ?? 0
        commentsConsumed = try count(.commentsConsumed) ?? 0
        reconnects = try count(.reconnects) ?? 0
    }

    public func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        var reference = encoder.container(keyedBy: ReferenceKeys.self)
        try members.encode(clientId, forKey: .clientId)
        try members.encodeIfPresent(userid, forKey: .userid)
        try reference.encodeIfPresent(userid, forKey: .userId)
        try members.encodeIfPresent(videoid, forKey: .videoid)
        try reference.encodeIfPresent(videoid, forKey: .videoId)
        try members.encodeIfPresent(reader, forKey: .reader)
        try reference.encodeIfPresent(reader, forKey: .connectedReader)
        try members.encodeIfPresent(subscribedTopics, forKey: .subscribedTopics)
        try members.encode(viewers, forKey: .viewers)
        try members.encode(connected, forKey: .connected)
        try members.encode(commentsGenerated, forKey: .commentsGenerated)
        try members.encode(commentsConsumed, forKey: .commentsConsumed)
        try members.encode(reconnects, forKey: .reconnects)
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
