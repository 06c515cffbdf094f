internal import ArgumentParser
internal import Audience
internal import Placement
internal import Primitives

struct SwarmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swarm", abstract: "A crowd of viewers in one process; audits every delivery.",
        discussion: """
            Exit codes: 0 fine, 64 bad arguments, 65 the audit found a loss, 69 no viewer could connect, \
            70 internal error, 130 interrupted.
            """)

    // Texts, not numbers: so that all that is wrong is reported together.
    @Option(help: "URLs of the Readers, separated by commas.") var readers: String?
    @Option(name: .customLong("comment-api"), help: "URL of CommentAPI; several take turns.") var commentAPI: String?
    @Option(name: .customLong("stats-api"), help: "URL of StatsAPI, for a report a second.") var statsAPI: String?
    @Option(help: "Number of channels.") var streams = "100"
    @Option(help: "Number of viewers, of all shards together.") var viewers = "2500"
    @Option(help: "reference, uniform, zipf:<exponent>, flash or flash:<share>.") var audience = "reference"
    @Option(help: "Decides about the audience, the Readers of viewers, and the comments.") var seed = "1"
    @Option(help: "Comments a second, of all shards together.") var rate = "50"
    @Option(help: "poisson or constant arrivals of comments.") var arrivals = "poisson"
    @Option(help: "Closed loop, with --rate 0: comments of a channel under way at once; a next one when all have it.")
    var window = "0"
    @Option(help: "comments, or none: somebody else writes, the swarm listens.") var publish = "comments"
    @Option(name: .customLong("protocol"), help: "chorus, or plain: any event stream, comments known by their texts.")
    var streamProtocol = "chorus"
    @Option(name: .customLong("channel-prefix"), help: "In front of the names of all videos.") var channelPrefix = ""
    @Option(help: "Seconds of publishing before latencies count.") var warmup = "0"
    @Option(help: "Seconds of publishing.") var duration = "20"
    @Option(help: "I/N: this process takes the viewers v with v mod N == I.") var shard = "0/1"
    @Option(help: "random: any Reader at each connect; follow: where a redirect led.") var placement = "random"
    @Option(name: .customLong("comment-bytes"), help: "Bytes of a comment's text.") var commentBytes = "30"
    @Option(name: .customLong("publish-connections"), help: "Comments under way at the same time.")
    var publishConnections = "128"
    @Option(name: .customLong("connects-in-progress"), help: "Connects under way at the same time.")
    var connectsInProgress = "500"
    @Option(name: .customLong("connect-timeout"), help: "Seconds for all viewers to connect.") var connectTimeout = "60"
    @Option(name: .customLong("settle-timeout"), help: "Seconds for the last comments to arrive.")
    var settleTimeout = "10"
    @Option(help: "Seconds without a byte after which a viewer reconnects.") var silence = "60"
    @Option(name: .customLong("slow-share"), help: "Part of the viewers that never read, 0 to 1.") var slowShare = "0"
    @Flag(name: .customLong("reconnect-at-once"), help: "Viewers whose connection broke come back without a pause.")
    var reconnectAtOnce = false
    @Flag(help: "With --coordinate: publish until 'stop' comes, and tell the crowd's state ten times a second.")
    var drill = false
    @Flag(help: "Take turns with other shards over standard input and output.") var coordinate = false
    @Flag(help: "Print the report as JSON.") var json = false

    func run() async throws {
        let settings: SwarmSettings
        do {
            settings = try read()
        } catch {
            StandardError.write(error.description)
            throw ExitCode(ExitStatus.usage)
        }
        throw ExitCode(await Interruptible.run { await SwarmRun(settings).run() })
    }

    func read() throws(SettingsProblems) -> SwarmSettings {
        var reader = ArgumentReader()
        let load = SwarmLoad(
            rate: reader.number("--rate", rate, in: 0...1_000_000),
            window: reader.integer("--window", window, in: 0...SwarmLoad.windowMax),
            publishes: reader.choice("--publish", publish, PublishMode.comments),
            streamProtocol: reader.choice("--protocol", streamProtocol, StreamProtocol.chorus))
        let endpoints = (
            readers: reader.endpoints("--readers", readers),
            comments: load.publishes == .none ? [] : reader.endpoints("--comment-api", commentAPI),
            statistics: reader.endpointIfAny("--stats-api", statsAPI)
        )
        let size = (
            streams: reader.integer("--streams", streams, in: 1...Audience.channelsMax),
            viewers: reader.integer("--viewers", viewers, in: 1...Audience.viewersMax),
            seed: reader.seed("--seed", seed)
        )
        let spec = reader.parsed { () throws(InvalidParameter) in try AudienceSpec.parse(audience) }
        let part = reader.parsed { () throws(InvalidParameter) in try Shard.parse(shard) }
        let times = (
            warmup: reader.number("--warmup", warmup, in: 0...86_400),
            duration: reader.number("--duration", duration, in: 0.1...86_400),
            connect: reader.number("--connect-timeout", connectTimeout, in: 1...3600),
            settle: reader.number("--settle-timeout", settleTimeout, in: 0...3600),
            silence: reader.integer("--silence", silence, in: 1...86_400)
        )
        let process = reader.choice("--arrivals", arrivals, Arrivals.Process.poisson)
        let placement = reader.choice("--placement", placement, CrowdSettings.Placement.random)
        let commentBytes = reader.integer("--comment-bytes", commentBytes, in: 1...CommentText.bytesMax)
        let connections = reader.integer("--publish-connections", publishConnections, in: 1...4096)
        let inProgress = reader.integer("--connects-in-progress", connectsInProgress, in: 1...65_536)
        let slowShare = reader.number("--slow-share", slowShare, in: 0...1)
        load.check(channels: size.streams, shard: part, &reader)
        let prefix = reader.videoPrefix("--channel-prefix", channelPrefix)
        try reader.check()
        let crowd = reader.parsed { () throws(InvalidParameter) in
            try Audience(spec ?? .reference, channels: size.streams, viewers: size.viewers, seed: size.seed)
        }
        guard var crowd, let part else { throw SettingsProblems(problems: reader.problems) }
        crowd.channelPrefix = prefix
        return SwarmSettings(
            audience: crowd, shard: part, readers: endpoints.readers, commentAPIs: endpoints.comments,
            statistics: endpoints.statistics, rate: load.publishes == .none ? 0 : load.rate, window: load.window,
            publishes: load.publishes, streamProtocol: load.streamProtocol, arrivals: process,
            warmupSeconds: times.warmup,
            durationSeconds: times.duration, placement: placement, commentBytes: commentBytes,
            publishConnections: load.publishes == .none ? 0 : connections, connectsInProgress: inProgress,
            connectSeconds: times.connect,
            settleSeconds: times.settle, silenceSeconds: times.silence, slowShare: slowShare,
            reconnectsAtOnce: reconnectAtOnce, isDrill: drill && coordinate, coordinates: coordinate, writesJSON: json)
    }
}
