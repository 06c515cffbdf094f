/// What a crowd that likes photos did and saw, and what must be true now. Version 1.
public struct LikeSwarmReport: Codable, Equatable, Sendable {
    public static let versionCurrent = 1

    public internal(set) var version = LikeSwarmReport.versionCurrent
    public var journeys: LikeJourneys
    public var requests: Requests
    /// From the time at which a like was due, or in a closed loop was sent, to its answer.
    public internal(set) var latencyMilliseconds: LatencySummary
    public var latencyHistogram: LatencyHistogram
    /// By the photo's id: what everybody wanted last and was told to be so.
    public var photos: [String: Photo]
    public var viewers: Viewers
    public var process: Process
    /// The generator was the bottleneck: rates and latencies are its own.
    public var generatorLimited: Bool

    public init(
        journeys: LikeJourneys, requests: Requests, latency: LatencyHistogram, photos: [String: Photo],
        viewers: Viewers, process: Process, generatorLimited: Bool
    ) {
        self.journeys = journeys
        self.requests = requests
        latencyMilliseconds = LatencySummary(latency)
        latencyHistogram = latency
        self.photos = photos
        self.viewers = viewers
        self.process = process
        self.generatorLimited = generatorLimited
    }

    /// The name of a numbered user, in every photo's own count.
    public static func userID(_ number: Int) -> String { "u\(number)" }

    /// The number of a user; `nil` for a name that ``userID(_:)`` does not make.
    public static func userNumber(_ id: some StringProtocol) -> Int? {
        guard id.first == "u", let number = Int(id.dropFirst()), number >= 0, id == userID(number) else { return nil }
        return number
    }

    public struct Requests: Codable, Equatable, Sendable {
        /// People who came and wanted to like.
        public var offered = 0
        /// Those who were sent away at once, since too many were under way.
        public var dropped = 0
        /// Requests that were sent, all repetitions included.
        public var sent = 0
        public var acknowledged = 0
        /// Answered with anything but success, to be asked again.
        public var refused = 0
        /// Without an answer: the connection broke or it took too long; to be asked again.
        public var unanswered = 0
        /// Acknowledged ones that took a like back.
        public var unlikes = 0
        /// Acknowledged ones that said something for the second time at once.
        public var duplicates = 0
        /// People of whom no answer came by the end: what they want is not known to be so.
        public var unfinished = 0
        /// From the first request to the last answer.
        public var seconds = 0.0

        public init() {}

        public var acknowledgedPerSecond: Double { seconds > 0 ? Double(acknowledged) / seconds : 0 }
    }

    public struct Photo: Codable, Equatable, Sendable {
        /// Distinct users who did something: `u0`, `u1` and so on.
        public var users: Int
        public var likes: Int
        public var likers: UserBits
        /// Users of whom no answer came by the end.
        public var unfinished: UserBits

        public init(users: Int, likers: UserBits, unfinished: UserBits = UserBits()) {
            self.users = users
            self.likers = likers
            self.unfinished = unfinished
            likes = likers.count
        }
    }

    public struct Viewers: Codable, Equatable, Sendable {
        public var wanted = 0
        public var connected = 0
        public var reconnects = 0
        /// Photos that each follows.
        public var photosEach = 0
        /// State events with a count.
        public var updates = 0
        /// The most that one viewer got of one photo in a second, over the whole time, without the one at connect.
        public var updatesPerSecondMost = 0.0
        /// The most within any single second of the clock: events that were held up come together.
        public var updatesInSecondMost = 0
        /// Events that were older than what the viewer had.
        public var older = 0
        /// Events that could not be read.
        public var malformed = 0
        /// Viewers and photos whose last value is not the count that must be.
        public var wrong = 0
        public var bytesReceived = 0

        public init() {}
    }

    public struct Process: Codable, Equatable, Sendable {
        public var cpuSeconds: Double
        /// Of the loop that likes, and of the one that watches; 0 to 1.
        public var senderBusyShare: Double
        public var viewersBusyShare: Double
        public var residentBytesMax: Int

        public init(cpuSeconds: Double, senderBusyShare: Double, viewersBusyShare: Double, residentBytesMax: Int) {
            self.cpuSeconds = cpuSeconds
            self.senderBusyShare = senderBusyShare
            self.viewersBusyShare = viewersBusyShare
            self.residentBytesMax = residentBytesMax
        }
    }
}
