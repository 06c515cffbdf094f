internal import ArgumentParser
internal import Audience
internal import Options

struct LikesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "likes", abstract: "A crowd that likes photos, and viewers who watch the counts.",
        discussion: """
            Everybody likes a photo once; some take it back, some of those like again, some say it twice at once. What is \
            refused or not answered is said again until it is acknowledged, so that in the end it is known what must be \
            true, and every viewer must have got that count.

            Exit codes: 0 fine, 64 bad arguments, 65 a viewer's last count is wrong, 69 no viewer could connect, \
            70 internal error, 130 interrupted.
            """)

    /// People under way at the same time: what waits for Redis to come back must not grow without end.
    static let peopleMax = 100_000

    @Option(help: "URL of LikeAPI; several take turns.", transform: urls) @Checked var likeAPI: [Endpoint] = []
    @Option(help: "URLs of the Readers, separated by commas.", transform: urls) @Checked var readers: [Endpoint] = []
    @Option(help: "Photos; they are called <prefix>1, <prefix>2 and so on.", transform: within(1...10_000))
    @Checked var photos = 1
    @Option(help: "The one photo's id.", transform: optional(identifier())) @Checked var photo: String? = nil
    @Option(help: "In front of the photos' numbers.", transform: idPrefix) @Checked var photoPrefix = "photo"
    @Option(help: "Part of all likes that go to the first photo.", transform: within(0...1.0)) @Checked var hotShare =
        0.5
    @Option(help: "People who like, as fast as it goes; 0: by --rate.", transform: within(0...20_000_000))
    @Checked var users = 0
    @Option(help: "People who come each second.", transform: within(0.1...1_000_000)) @Checked var rate = 100.0
    @Option(help: "Seconds for which they come.", transform: within(0.1...86_400)) @Checked var duration = 20.0
    @Option(help: "Part of the people who take it back.", transform: within(0...1.0)) @Checked var unlikeShare = 0.1
    @Option(help: "Part of what is said twice at once.", transform: within(0...1.0)) @Checked var duplicateShare = 0.1
    @Option(help: "Requests at the same time, one a connection.", transform: within(1...8_192)) @Checked
    var connections = 64
    @Option(help: "Viewers who follow photos.", transform: within(0...100_000)) @Checked var viewers = 0
    @Option(help: "Photos that each viewer follows, the first among them.", transform: within(1...64))
    @Checked var photosEach = 10
    @Option(help: "Decides about who likes what and who takes it back.", transform: anySeed) @Checked var seed: UInt64 =
        1
    @Option(help: "Seconds for the last answers and counts to arrive.", transform: within(0...3_600.0))
    @Checked var settleTimeout = 20.0
    @Flag(help: "Take orders from standard input: start, and stop.") var coordinate = false

    func validate() throws {
        try Self.refuse(
            refusals + missing(likeAPI.isEmpty, "--like-api") + missing(viewers > 0 && readers.isEmpty, "--readers"))
    }

    func run() async throws {
        throw await Generator.runUntilSignal { await LikesRun(self).run() }
    }

    /// The photos' ids; the first is the hot one.
    var photoIDs: [String] { photo.map { [$0] } ?? (1...photos).map { "\(photoPrefix)\($0)" } }
    var journeys: LikeJourneys {
        LikeJourneys(seed: seed, unlikeShare: unlikeShare, duplicateShare: duplicateShare)
    }

    func makeSource() -> LikeSource {
        let choice = PhotoChoice(photos: photoIDs.count, hotShare: hotShare, seed: seed)
        let ledger = LikeLedger(
            journeys: journeys, choice: choice, limit: users > 0 ? 4 * connections : LikesCommand.peopleMax)
        return LikeSource(photos: photoIDs, users: users, rate: rate, ledger: ledger)
    }
}
