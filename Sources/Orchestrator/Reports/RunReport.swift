import Audience

/// All that one run found out, and all that is needed to repeat it: `report.json`.
struct RunReport: Codable, Equatable, Sendable {
    /// Grows when a member changes its meaning or goes away.
    static let schemaVersion = 1

    var schema = RunReport.schemaVersion
    var kind = "run"
    var settings: RunSettings
    var plan: ProcessPlan
    /// The command that repeats it.
    var command: String
    var software: Software
    var machine: Machine
    /// UTC.
    var startedAt: String
    var finishedAt: String = ""
    var phases: [Phase] = []
    var connections = Connections()
    var readers: [Reader] = []
    var spread: Spread?
    /// All swarms together.
    var swarm: SwarmReport?
    var redis: RedisFigures?
    /// Likes beside the comments; `nil` without.
    var likes: LikesReport.Outcome?
    /// Once a second while publishing; at most ``samplesMax``.
    var timeline: [Sample] = []
    /// Which Reader subscribes to what, while all viewers are connected.
    var map: SubscriptionMap?
    var people: [Person] = []
    var processes: [Process] = []
    var verdict = Verdict(status: .interrupted, reason: "the run did not come to its end")

    /// A part of the run and how long it took.
    struct Phase: Codable, Equatable, Sendable {
        var name: String
        var seconds: Double
    }

    static let samplesMax = 3_600

    /// All swarms together, since the start of publishing.
    struct Sample: Codable, Equatable, Sendable {
        var seconds: Double
        var acknowledged: Int
        var delivered: Int
    }

    struct Connections: Codable, Equatable, Sendable {
        var wanted = 0
        var connected = 0
        var failed = 0
        /// Of the slowest swarm.
        var seconds = 0.0
    }

    /// One Reader, while all viewers are connected.
    struct Reader: Codable, Equatable, Sendable {
        var name: String
        /// Channels that it subscribes to.
        var channels: Int
        /// Part of all channels that somebody watches.
        var share: Double
        /// What the placement's formula says for this audience; `nil` where there is none.
        var predictedShare: Double?
        var viewers: Int
        var messagesReceived: Int
        var messagesSent: Int
        var usage: ProcessUsage
    }

    struct Process: Codable, Equatable, Sendable {
        var name: String
        var role: Node.Role
        /// 1 without restarts.
        var starts: Int
        var usage: ProcessUsage
    }

    /// Which exit code, and why.
    struct Verdict: Codable, Equatable, Sendable {
        var status: ExitStatus
        var reason: String
    }

    /// One watching person of the preset `seed`, and the comments that every person must or must not have got.
    struct Person: Codable, Equatable, Sendable {
        var name: String
        var user: String
        var video: String
        var generated: Int
        var consumed: Int
        /// Comments on this video that came.
        var heard: [String]
        /// Comments on this video that did not come.
        var missed: [String]
        /// Comments on another video that came.
        var foreign: [String]
    }
}
