import Testing

@testable import SimClient

@Suite struct ViewerConnectionsTests {
    private func make(viewers: Int = 4, absent: Set<Int> = [2, 3]) throws -> ViewerConnections {
        var settings = ViewerSettings(viewers: viewers, readers: try ServerDirectory(resolving: []))
        settings.absent = absent
        var connections = ViewerConnections(settings)
        connections.start()
        return connections
    }

    /// All who queue connect.
    private func connectAll(_ connections: inout ViewerConnections) -> Set<Int> {
        var came: Set<Int> = []
        while let viewer = connections.nextToConnect(second: 1) {
            connections.connected(viewer)
            came.insert(viewer)
        }
        return came
    }

    @Test func whoIsAbsentComesLater() throws {
        var connections = try make()
        #expect(connections.unsettled == 2 && connections.away == 2)
        #expect(connectAll(&connections) == [0, 1])
        #expect(connections.unsettled == 0 && connections.away == 0)
        let joins = [connections.join(3), connections.join(3), connections.join(0)]
        #expect(joins == [true, false, false])
        #expect(connections.unsettled == 1 && connections.away == 1 && connections.tally.absent == 1)
        #expect(connectAll(&connections) == [3])
        #expect(connections.tally.watching == 3 && connections.unsettled == 0)
    }

    /// As PROTOCOL.md asks: an attempt begins anew, and names what could not be reached, until another one lets it in.
    @Test func whatCouldNotBeReachedIsNamedToTheNext() throws {
        let endpoints = try (1...3).map { try #require(Endpoint("http://127.0.0.1:400\($0)")) }
        var connections = ViewerConnections(
            ViewerSettings(viewers: 1, readers: try ServerDirectory(resolving: endpoints)))
        connections.start()
        _ = connections.nextToConnect(second: 1)
        let place = "http://127.0.0.1:4009/connect?hop=1"
        let step = connections.answered(ResponseHead(status: 307, location: place), 0)
        #expect(step == .follow(place) && connections.avoided(by: 0) == nil)
        _ = connections.nextToConnect(second: 1)
        guard case .wait = connections.ended(0) else { return #expect(Bool(false), "it was refused") }
        connections.rested(0)
        _ = connections.nextToConnect(second: 2)
        #expect(connections.takeTarget(of: 0) == nil, "the redirect was for another server")
        #expect(connections.server(of: 0).endpoint.port < 4_004)
        let avoided = try #require(connections.avoided(by: 0)).endpoint
        #expect(avoided.description == "http://127.0.0.1:4009")
        let post = RequestText.connect(
            userid: "u", videoid: "v", lastEventID: nil, to: endpoints[0], avoiding: avoided)
        #expect(
            String(decoding: post, as: UTF8.self).hasSuffix(
                #"{"userid":"u","videoid":"v","redirect":"follow","avoid":"http://127.0.0.1:4009"}"#))
        let get = RequestText.connect(userid: "u", photos: ["p"], to: endpoints[0], target: nil, avoiding: avoided)
        #expect(String(decoding: get, as: UTF8.self).contains("&avoid=http://127.0.0.1:4009 HTTP/1.1\r\n"))
        connections.connected(0)
        #expect(connections.avoided(by: 0) == nil)
    }

    /// Whatever state they are in: nobody is counted twice, and a place in the queue is not used after it.
    @Test func whoeverIsThereCanLeaveAndComeBack() throws {
        var connections = try make(absent: [])
        let queued = connections.leave(0)
        #expect(queued && connections.away == 3)
        // Comes back before its old place in the queue is reached.
        let back = connections.join(0)
        #expect(back && connections.away == 4)
        let next = connections.nextToConnect(second: 1)
        let connecting = try #require(next)
        let left = connections.leave(connecting)
        #expect(left && connections.away == 3 && connections.tally.absent == 1)
        let rest = connectAll(&connections)
        #expect(rest == Set(0..<4).subtracting([connecting]))
        #expect(connections.tally.watching == 3 && connections.tally.attempts == 4 && connections.away == 0)
        let watching = connections.leave(try #require(rest.first))
        #expect(watching && connections.tally.watching == 2 && connections.away == 0)
        #expect(connections.unsettled == 0 && connections.tally.absent == 2)
        // What its old connection still has to say changes nothing.
        #expect(connections.ended(connecting) == .stay && connections.unsettled == 0)
        let absent = connections.leave(connecting)
        #expect(!absent)
    }
}
