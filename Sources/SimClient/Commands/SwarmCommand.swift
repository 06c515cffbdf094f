internal import ArgumentParser
internal import Audience
internal import Options
internal import SocketLoop

/// How a swarm talks to its servers.
enum StreamProtocol: String, Sendable, CaseIterable {
    /// Event ids are positions, the first event is `connected`, and 201 names the place of a comment.
    case chorus
    /// Any event stream. A viewer is connected with the head of the answer, event ids say nothing, 201 and 202 are
    /// acknowledgements; a comment is known by the number in its text (``CommentIndex``).
    case plain
}

/// Who writes comments.
enum PublishMode: String, Sendable, CaseIterable {
    /// This swarm does.
    case comments
    /// Somebody else does: the swarm only listens.
    case none
}

struct SwarmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swarm", abstract: "A crowd of viewers in one process; audits every delivery.",
        discussion: """
            Exit codes: 0 fine, 64 bad arguments, 65 the audit found a loss, 69 no viewer could connect, \
            70 internal error, 130 interrupted.
            """)

    /// Comments of a closed loop that can be under way at once, all channels together: the publisher's mailbox.
    static let underWayMax = 1 << 16

    @Option(help: "URLs of the Readers, separated by commas.", transform: urls) @Checked var readers: [Endpoint] = []
    @Option(help: "URL of CommentAPI; several take turns.", transform: urls) @Checked var commentAPI: [Endpoint] = []
    @Option(help: "URL of StatsAPI, for a report a second.", transform: urls) @Checked var statsAPI: [Endpoint] = []
    @Option(help: "Number of channels.", transform: within(1...Audience.channelsMax)) @Checked var streams = 100
    @Option(help: "Number of viewers, of all shards together.", transform: within(1...Audience.viewersMax))
    @Checked var viewers = 2500
    @Option(help: "reference, uniform, zipf:<exponent>, flash or flash:<share>.", transform: anyAudience)
    @Checked var audience = AudienceSpec.reference
    @Option(help: "Decides about the audience and the comments.", transform: anySeed) @Checked var seed: UInt64 = 1
    @Option(help: "Comments a second, of all shards together.", transform: within(0...1_000_000.0))
    @Checked var rate = 50.0
    @Option(help: "poisson or constant arrivals of comments.", transform: oneOf(Arrivals.Process.poisson))
    @Checked var arrivals = Arrivals.Process.poisson
    @Option(
        help: "Closed loop, with --rate 0: comments of a channel under way at once; a next one when all have it.",
        transform: within(0...4096))
    @Checked var window = 0
    @Option(help: "comments, or none: somebody else writes, the swarm listens.", transform: oneOf(PublishMode.comments))
    @Checked var publish = PublishMode.comments
    @Option(
        help: "chorus, or plain: any event stream, comments known by their texts.",
        transform: oneOf(StreamProtocol.chorus))
    @Checked var `protocol` = StreamProtocol.chorus
    @Option(help: .init(ViewerTransport.described), transform: oneOf(ViewerTransport.stream))
    @Checked var transport = ViewerTransport.stream
    @Option(help: "In front of the names of all videos.", transform: idPrefix) @Checked var channelPrefix = ""
    @Option(help: "Seconds of publishing before latencies count.", transform: within(0...86_400.0))
    @Checked var warmup = 0.0
    @Option(help: "Seconds of publishing.", transform: within(0.1...86_400)) @Checked var duration = 20.0
    @Option(
        help: "I/N: this process takes the viewers v with v mod N == I.", transform: parsed(Shard.whole, Shard.parse))
    @Checked var shard = Shard.whole
    @Option(
        help: "random: any Reader at each connect; follow: where a redirect led.",
        transform: oneOf(ViewerSettings.Placement.random))
    @Checked var placement = ViewerSettings.Placement.random
    @Option(help: "Bytes of a comment's text.", transform: within(1...CommentText.bytesMax))
    @Checked var commentBytes = CommentText.bytesDefault
    @Option(help: "Comments under way at the same time.", transform: within(1...4096)) @Checked var publishConnections =
        128
    @Option(help: "Connects under way at the same time.", transform: within(1...65_536)) @Checked
    var connectsInProgress = 500
    @Option(help: "Seconds for all viewers to connect.", transform: within(1...3600.0)) @Checked var connectTimeout =
        60.0
    @Option(help: "Seconds for the last comments to arrive.", transform: within(0...3600.0)) @Checked
    var settleTimeout = 10.0
    @Option(help: "Seconds without a byte after which a viewer reconnects.", transform: within(1...86_400))
    @Checked var silence = 60
    @Option(help: "Part of the viewers that never read, 0 to 1.", transform: within(0...1.0)) @Checked var slowShare =
        0.0
    @Option(
        help: "Part of the viewers that leave each minute while comments are written; another one comes for each.",
        transform: within(0...600.0))
    @Checked var churn = 0.0
    @Option(help: "Part of the viewers that change to another channel each minute.", transform: within(0...600.0))
    @Checked var zaps = 0.0
    @Option(
        help:
            "<seconds>[:<share>]: this part of the viewers comes to the first channel together, so long after the start.",
        transform: optional(parsed(FlashCrowd(seconds: 0, share: 0), FlashCrowd.parse)))
    @Checked var flashAt: FlashCrowd? = nil
    @Option(
        help: "The IPv4 address that viewers connect from, such as 127.0.1.7: one pair of addresses has 28,000 ports.",
        transform: ownAddress)
    @Checked var sourceAddress: SourceAddress? = nil
    @Option(
        help: "A trace (NDJSON) of who joins, leaves and comments when, instead of an audience, a rate and moves.",
        transform: optional(fileName))
    @Checked var replay: String? = nil
    @Option(help: "The file that gets such a trace of this swarm.", transform: optional(fileName))
    @Checked var record: String? = nil
    @Option(
        help: "With --stages: viewers of all shards together who are there from the start; all, if left out.",
        transform: optional(within(0...Audience.viewersMax)))
    @Checked var present: Int? = nil
    @Flag(help: "Viewers whose connection broke come back without a pause.") var reconnectAtOnce = false
    @Flag(help: "With --coordinate: publish until 'stop' comes, and tell the crowd's state ten times a second.")
    var drill = false
    @Flag(
        help: ArgumentHelp(
            "With --coordinate: publish in stages that are ordered over standard input, until 'stop' comes.",
            discussion:
                "An order is {\"stage\":{\"churn\":<a minute>,\"rate\":<comments/s>,\"viewers\":<number>}}; --rate begins."
        ))
    var stages = false
    @Flag(help: "Take turns with other shards over standard input and output.") var coordinate = false
    @Flag(help: "Print the report as JSON.") var json = false

    func validate() throws {
        var problems =
            refusals + missing(readers.isEmpty, "--readers")
            + missing(publish == .comments && commentAPI.isEmpty, "--comment-api")
        func refuse(_ isWrong: Bool, _ text: String) { if isWrong { problems.append(text) } }
        if window > 0 {
            refuse(rate > 0, "--rate is \"\(rate)\"; expected 0 with --window: a closed loop sets its own pace")
            refuse(publish == .none, "--publish is \"none\"; expected comments with --window")
            refuse(
                streams * window > Self.underWayMax,
                "--window is \"\(window)\"; expected at most \(Self.underWayMax) with all --streams")
        }
        // One process must see all comments of a channel and all of its viewers.
        refuse(
            (window > 0 || `protocol` == .plain) && shard.count > 1,
            "--shard is \"\(shard)\"; expected 0/1 with --window and --protocol plain")
        refuse(
            (window > 0 || `protocol` == .plain) && !moves.isNone,
            "--churn, --zaps and --flash-at cannot be with --window and --protocol plain: an audience that stays")
        refuse(
            transport != .stream && `protocol` == .plain,
            "--transport is \"\(transport.rawValue)\"; expected stream with --protocol plain")
        refuse(
            stages && (!coordinate || drill || window > 0 || !moves.isNone),
            "--stages needs --coordinate, and cannot be with --drill, --window, --churn, --zaps and --flash-at")
        refuse(
            replay != nil
                && (!moves.isNone || stages || drill || window > 0 || publish == .none || `protocol` == .plain
                    || slowShare > 0),
            "--replay cannot be with --churn, --zaps, --flash-at, --stages, --drill, --window, --publish none,"
                + " --protocol plain and --slow-share: a trace has its own viewers and comments")
        refuse(record != nil && window > 0, "--record cannot be with --window: no comment is due at a time")
        refuse(present != nil && !stages, "--present needs --stages")
        if let flashAt {
            refuse(
                flashAt.seconds >= warmup + duration,
                "--flash-at is \"\(flashAt)\"; expected a time before the end of --warmup and --duration")
        }
        try Self.refuse(problems)
    }

    func run() async throws {
        throw await Generator.runUntilSignal { await SwarmRun(self).run() }
    }

    /// Comments a second that this process and its shards write.
    var writtenPerSecond: Double { publish == .none ? 0 : rate }
    var isDrill: Bool { drill && coordinate }
    var isStaged: Bool { stages && coordinate }

    var moves: Moves {
        var moves = Moves()
        (moves.churn, moves.zaps, moves.flash) = (churn, zaps, flashAt)
        return moves
    }

    func makeAudience() throws(InvalidParameter) -> Audience {
        var made = try Audience(
            audience, channels: streams, viewers: viewers, seed: seed, crowdShare: flashAt?.share)
        made.channelPrefix = channelPrefix
        return made
    }

    var parameters: SwarmReport.Parameters {
        SwarmReport.Parameters(
            streams: streams, viewers: viewers, audience: audience, seed: seed, rate: writtenPerSecond,
            durationSeconds: duration, warmupSeconds: warmup, placement: placement.rawValue,
            readers: readers.map(\.description), window: window > 0 ? window : nil,
            streamProtocol: transport != .stream
                ? transport.rawValue : `protocol` == .chorus ? nil : `protocol`.rawValue,
            channelPrefix: channelPrefix.isEmpty ? nil : channelPrefix,
            moves: moves.isNone ? nil : moves, replay: replay)
    }
}
