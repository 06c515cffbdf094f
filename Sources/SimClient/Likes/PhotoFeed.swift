internal import Audience

/// Viewers who follow the counts of photos.
struct PhotoFeed: ViewerFeed {
    struct Snapshot: Sendable {
        var updates = 0
        /// Viewers and photos whose value is not the expected one; `nil` while nothing is expected.
        var wrong: Int?
    }

    struct TooLong: Error {}
    private static let eventBytesMax = 64 << 10

    /// The photos' ids.
    let photos: [String]
    private let names: [[UInt8]]
    private var viewers: [PhotoViewer]
    /// The beginning of an event, of each viewer.
    private var held: [[UInt8]]
    private var updates = 0
    /// What everybody's last value must be, by the photo's number.
    private var expected: [Int64]?

    init(photos: [String], viewers: Int, photosEach: Int) {
        self.photos = photos
        names = photos.map { Array($0.utf8) }
        held = Array(repeating: [], count: viewers)
        self.viewers = (0..<viewers).map {
            PhotoViewer(photos: PhotoViewer.page(of: $0, photos: photos.count, each: photosEach))
        }
    }

    mutating func connect(
        _ viewer: Int, to endpoint: Endpoint, target: String?, avoiding avoided: Endpoint?
    ) -> [UInt8] {
        held[viewer] = []
        return RequestText.connect(
            userid: "viewer\(viewer)", photos: viewers[viewer].photos.map { photos[$0] }, to: endpoint, target: target,
            avoiding: avoided)
    }

    mutating func opened(_ viewer: Int) -> FeedSignal { FeedSignal(isConnected: true) }

    /// Events end with an empty line; what is left is kept for the next bytes.
    mutating func received(_ payload: UnsafeRawBufferPointer, _ viewer: Int, at times: FeedTimes) throws -> FeedSignal {
        if held[viewer].isEmpty {
            let used = events(in: payload, viewer, now: times.nanoseconds)
            if used < payload.count { held[viewer] = Array(payload[used...]) }
        } else {
            var bytes = held[viewer]
            held[viewer] = []
            bytes.append(contentsOf: payload)
            let used = bytes.withUnsafeBytes { events(in: $0, viewer, now: times.nanoseconds) }
            held[viewer] = Array(bytes[used...])
        }
        guard held[viewer].count <= PhotoFeed.eventBytesMax else { throw TooLong() }
        return FeedSignal()
    }

    private mutating func events(in bytes: UnsafeRawBufferPointer, _ viewer: Int, now: UInt64) -> Int {
        var start = 0
        while let end = bytes.frameEnd(from: start) {
            updates += viewers[viewer].received(bytes.part(start..<end), names: names, now: now)
            start = end
        }
        return start
    }

    mutating func expect(_ counts: [Int64]) { expected = counts }

    func snapshot(away: Int) -> Snapshot { Snapshot(updates: updates, wrong: wrong) }

    private var wrong: Int? { expected.map { expected in viewers.reduce(0) { $0 + $1.wrong(expected) } } }

    func report(_ tally: ViewerTally) -> LikeSwarmReport.Viewers {
        var report = LikeSwarmReport.Viewers()
        report.wanted = viewers.count
        report.connected = tally.watching
        report.reconnects = tally.connects - tally.connectedOnce
        report.photosEach = viewers.first?.photos.count ?? 0
        report.updates = updates
        report.bytesReceived = tally.bytesReceived
        report.wrong = wrong ?? 0
        for viewer in viewers {
            report.older += viewer.older
            report.malformed += viewer.malformed
            for seen in viewer.seen {
                report.updatesPerSecondMost = max(report.updatesPerSecondMost, seen.perSecond)
                report.updatesInSecondMost = max(report.updatesInSecondMost, seen.inSecondMost)
            }
        }
        return report
    }
}
