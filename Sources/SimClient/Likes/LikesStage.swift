internal import Audience
internal import SocketLoop

/// The two loops of `likes`, and what is asked of them from outside.
struct LikesStage: Sendable {
    let settings: LikesSettings
    let senderBoard = LikeSender.Board()
    let watchersBoard = PhotoWatchers.Board()
    private let sender: SocketLoop<LikeSender>
    private let watchers: SocketLoop<PhotoWatchers>

    init(_ settings: LikesSettings) throws {
        self.settings = settings
        let choice = PhotoChoice(
            photos: settings.photos.count, hotShare: settings.hotShare, seed: settings.journeys.seed)
        let sending = LikeSender.Settings(
            services: try ServerDirectory(resolving: settings.services), photos: settings.photos,
            connections: settings.connections, users: settings.users, rate: settings.rate,
            ledger: LikeLedger(
                journeys: settings.journeys, choice: choice,
                limit: settings.users > 0 ? 4 * settings.connections : LikesSettings.peopleMax))
        let watching = PhotoWatchers.Settings(
            readers: try ServerDirectory(resolving: settings.readers), photos: settings.photos,
            viewers: settings.viewers, photosEach: settings.photosEach)
        let (senderBoard, watchersBoard) = (senderBoard, watchersBoard)
        sender = try SocketLoop(settings: .init(name: "likes")) { LikeSender(settings: sending, board: senderBoard) }
        watchers = try SocketLoop(settings: .init(name: "viewers", limits: .init(socketsMax: 1 << 18))) {
            PhotoWatchers(settings: watching, board: watchersBoard)
        }
    }

    func start() {
        sender.start()
        watchers.start()
    }

    func stop() async {
        await sender.stop()
        await watchers.stop()
    }

    func open() {
        sender.submit(.open)
        if settings.viewers > 0 { watchers.submit(.connect) }
    }

    func begin() { sender.submit(.begin) }
    func end() { sender.submit(.end) }
    func expect(_ counts: [Int64]) { watchers.submit(.expect(counts)) }

    func outcome() async -> LikeSender.Result? {
        await LoopReply.of { reply in sender.submit(.collect(reply)) }
    }

    func seen() async -> LikeSwarmReport.Viewers? {
        await LoopReply.of { reply in watchers.submit(.collect(reply)) }
    }

    /// Wall time that each loop was busy, in nanoseconds.
    var busy: (sender: UInt64, viewers: UInt64) { (sender.busyTimeNanoseconds, watchers.busyTimeNanoseconds) }
}
