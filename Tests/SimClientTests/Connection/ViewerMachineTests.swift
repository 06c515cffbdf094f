import Primitives
import Testing

@testable import SimClient

@Suite struct ViewerMachineTests {
    let limits = ViewerMachine.Limits(
        backoff: Backoff(base: .milliseconds(100), cap: .seconds(1)), attemptsMax: 3, hopsMax: 3,
        pauseMillisecondsMax: 60_000)

    private func makeConnecting() -> ViewerMachine {
        var machine = ViewerMachine()
        machine.admitted()
        return machine
    }

    @Test func connectsAndWatches() {
        var machine = makeConnecting()
        #expect(machine.answered(ResponseHead(status: 200), limits: limits, draw: 0.5) == .stay)
        machine.connected()
        #expect(machine.state == .watching)
        #expect(machine.hasWatched)
    }

    @Test func followsThreeRedirectsAndNoFourth() {
        var machine = makeConnecting()
        let redirect = ResponseHead(status: 307, location: "http://r2:4000/connect")
        for _ in 0..<3 {
            #expect(machine.answered(redirect, limits: limits, draw: 0.5) == .follow("http://r2:4000/connect"))
            #expect(machine.state == .queued)
            machine.admitted()
        }
        #expect(machine.answered(redirect, limits: limits, draw: 0.5) == .wait(milliseconds: 50))
    }

    @Test func honoursRetryAfterWithJitterOnTop() {
        for (draw, milliseconds) in [(0.0, 2000), (0.5, 3000)] {
            var machine = makeConnecting()
            let refusal = ResponseHead(status: 503, retryAfterSeconds: 2)
            #expect(machine.answered(refusal, limits: limits, draw: draw) == .wait(milliseconds: milliseconds))
        }
    }

    @Test func waitsLongerAfterEachFailureAndGivesUp() {
        var machine = makeConnecting()
        for expected in [50, 100, 200] {
            #expect(machine.ended(limits: limits, draw: 0.5) == .wait(milliseconds: expected))
            #expect(machine.rested() == .queue)
            machine.admitted()
        }
        #expect(machine.ended(limits: limits, draw: 0.5) == .giveUp)
        #expect(machine.state == .failed)
        #expect(machine.rested() == .stay)
    }

    @Test func aConnectionForgivesTheFailuresBefore() {
        var machine = makeConnecting()
        for _ in 0..<3 {
            _ = machine.ended(limits: limits, draw: 0.5)
            _ = machine.rested()
            machine.admitted()
        }
        machine.connected()
        #expect(machine.ended(limits: limits, draw: 0.5) == .wait(milliseconds: 50))
        _ = machine.rested()
        machine.admitted()
        #expect(machine.ended(limits: limits, draw: 0.5) == .wait(milliseconds: 50))
    }

    @Test func goesWhenTheReaderSaysSo() {
        var machine = makeConnecting()
        machine.connected()
        #expect(machine.sentAway(milliseconds: 700, limits: limits, draw: 0.1) == .wait(milliseconds: 700))
        // The Reader closes the connection behind the event: that is no second reason to wait.
        #expect(machine.ended(limits: limits, draw: 0.5) == .stay)
        #expect(machine.rested() == .queue)
    }

    @Test func backoffStopsGrowing() {
        #expect(limits.pause(attempt: 60, draw: 0.999) == 999)
        #expect(limits.pause(attempt: 1, draw: 0) == 0)
    }
}

@Suite struct EndpointTests {
    @Test(arguments: [
        ("http://127.0.0.1:4000", "127.0.0.1", 4000, ""), ("http://reader-1", "reader-1", 80, ""),
        ("http://[::1]:4000/", "::1", 4000, ""), ("http://h:1/a/b/?x=y", "h", 1, "/a/b"),
    ])
    func readsAnAddress(text: String, host: String, port: Int, path: String) throws {
        let endpoint = try #require(Endpoint(text))
        #expect(endpoint.host == host)
        #expect(endpoint.port == port)
        #expect(endpoint.path == path)
    }

    @Test(arguments: [
        "", "localhost:4000", "https://h", "http://", "http://h:0", "http://h:70000", "http://h:x", "http://a b",
    ])
    func refusesWhatIsNone(text: String) {
        #expect(Endpoint(text) == nil)
    }
}
