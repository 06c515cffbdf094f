import Testing

@testable import SimClient

struct PhotoViewerTests {
    private static let names = ["photo1", "photo2", "photo3"].map { Array($0.utf8) }

    private func receive(_ text: String, _ viewer: inout PhotoViewer, at now: UInt64 = 0) {
        _ = Array("\(text)\n".utf8).withUnsafeBytes { viewer.received($0, names: Self.names, now: now) }
    }

    private func event(_ photo: String, _ count: Int, _ version: Int) -> String {
        "event: likes\ndata: {\"photoid\":\"\(photo)\",\"count\":\(count),\"version\":\(version)}\n"
    }

    @Test func theNewestVersionWins() {
        var viewer = PhotoViewer(photos: [0, 2])
        receive(event("photo1", 10, 5), &viewer)
        receive(event("photo3", 7, 1), &viewer)
        receive(event("photo1", 9, 4), &viewer)
        #expect(viewer.wrong([10, 0, 7]) == 0 && viewer.wrong([9, 0, 7]) == 1 && viewer.wrong([9, 0, 8]) == 2)
        #expect(viewer.older == 1 && viewer.malformed == 0)
        #expect(PhotoViewer(photos: [0]).wrong([0]) == 1, "who was told nothing does not know that it is zero")
    }

    @Test func otherEventsAreNoCounts() {
        var viewer = PhotoViewer(photos: [0])
        for text in [":\n", "id: 1.a\ndata: {\"type\":\"connected\"}\n", "event: reconnect\ndata: {}\n"] {
            receive(text, &viewer)
        }
        #expect(viewer.malformed == 0 && viewer.seen[0].updates == 0)
        receive("event: likes\ndata: {\"photoid\":\"photo1\",\"count\":\"x\",\"version\":1}\n", &viewer)
        receive(event("photo2", 1, 1), &viewer)
        #expect(viewer.malformed == 2, "a photo that nobody asked for is as wrong as a count that is none")
    }

    @Test func updatesAreCountedOverTime() {
        var viewer = PhotoViewer(photos: [0])
        for number in 0...20 { receive(event("photo1", number, number), &viewer, at: UInt64(number) * 100_000_000) }
        #expect(viewer.seen[0].perSecond == 10)
        #expect(viewer.seen[0].inSecondMost == 10)
    }

    @Test func everybodyFollowsTheFirstAndSomeOthers() {
        for viewer in 0..<50 {
            let page = PhotoViewer.page(of: viewer, photos: 10, each: 4)
            #expect(page.count == 4 && Set(page).count == 4 && page[0] == 0 && page.allSatisfy { $0 < 10 })
        }
        #expect(PhotoViewer.page(of: 3, photos: 2, each: 64) == [0, 1])
        #expect(PhotoViewer.page(of: 3, photos: 1, each: 4) == [0])
    }
}
