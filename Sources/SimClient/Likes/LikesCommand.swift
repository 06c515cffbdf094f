internal import ArgumentParser
internal import Audience
internal import Primitives

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

    // Texts, not numbers: so that all that is wrong is reported together.
    @Option(name: .customLong("like-api"), help: "URL of LikeAPI; several take turns.") var likeAPI: String?
    @Option(help: "URLs of the Readers, separated by commas.") var readers: String?
    @Option(help: "Photos; they are called <prefix>1, <prefix>2 and so on.") var photos = "1"
    @Option(name: .customLong("photo"), help: "The one photo's id.") var photo: String?
    @Option(name: .customLong("photo-prefix"), help: "In front of the photos' numbers.") var photoPrefix = "photo"
    @Option(name: .customLong("hot-share"), help: "Part of all likes that go to the first photo.") var hotShare = "0.5"
    @Option(help: "People who like, as fast as it goes; 0: by --rate.") var users = "0"
    @Option(help: "People who come each second.") var rate = "100"
    @Option(help: "Seconds for which they come.") var duration = "20"
    @Option(name: .customLong("unlike-share"), help: "Part of the people who take it back.") var unlikeShare = "0.1"
    @Option(name: .customLong("duplicate-share"), help: "Part of what is said twice at once.")
    var duplicateShare = "0.1"
    @Option(help: "Requests at the same time, one a connection.") var connections = "64"
    @Option(help: "Viewers who follow photos.") var viewers = "0"
    @Option(name: .customLong("photos-each"), help: "Photos that each viewer follows, the first among them.")
    var photosEach = "10"
    @Option(help: "Decides about who likes what and who takes it back.") var seed = "1"
    @Option(name: .customLong("settle-timeout"), help: "Seconds for the last answers and counts to arrive.")
    var settleTimeout = "20"
    @Flag(help: "Take orders from standard input: start, and stop.") var coordinate = false

    func run() async throws {
        let settings: LikesSettings
        do {
            settings = try read()
        } catch {
            StandardError.write(error.description)
            throw ExitCode(ExitStatus.usage)
        }
        throw ExitCode(await Interruptible.run { await LikesRun(settings).run() })
    }

    func read() throws(SettingsProblems) -> LikesSettings {
        var reader = ArgumentReader()
        let count = reader.integer("--photos", photos, in: 1...10_000)
        let prefix = reader.videoPrefix("--photo-prefix", photoPrefix)
        let seed = reader.seed("--seed", seed)
        let journeys = LikeJourneys(
            seed: seed, unlikeShare: reader.number("--unlike-share", unlikeShare, in: 0...1),
            duplicateShare: reader.number("--duplicate-share", duplicateShare, in: 0...1))
        let hot = reader.number("--hot-share", hotShare, in: 0...1)
        let viewers = reader.integer("--viewers", viewers, in: 0...100_000)
        var settings = LikesSettings(
            services: reader.endpoints("--like-api", likeAPI),
            readers: viewers > 0 ? reader.endpoints("--readers", readers) : [],
            photos: (1...count).map { "\(prefix)\($0)" }, journeys: journeys, hotShare: hot)
        if let photo { settings.photos = [reader.identifier("--photo", photo)] }
        settings.users = reader.integer("--users", users, in: 0...20_000_000)
        settings.rate = reader.number("--rate", rate, in: 0.1...1_000_000)
        settings.durationSeconds = reader.number("--duration", duration, in: 0.1...86_400)
        settings.connections = reader.integer("--connections", connections, in: 1...8_192)
        settings.viewers = viewers
        settings.photosEach = reader.integer("--photos-each", photosEach, in: 1...64)
        settings.settleSeconds = reader.number("--settle-timeout", settleTimeout, in: 0...3_600)
        settings.coordinates = coordinate
        try reader.check()
        return settings
    }
}
