import ArgumentParser
import Audience
import Foundation
import Report
import Testing

@testable import SimClient

/// Breaks on purpose, each between an honest service and its viewers: the table of docs/SCALING.md, "What a run proves".
@Suite(.serialized, .timeLimit(.minutes(2))) struct MutationTests {
    private func counts(_ fault: FaultyRelay.Fault, rate: Double = 200, more: [String] = []) async throws
        -> DeliveryCounts
    {
        try await withService { service in
            try await withRelay(fault, to: service) { relay in
                // The API is asked directly.
                try await play(relay, commentAPI: service.url, rate: rate, more: more).crowd.counts
            }
        }
    }

    @Test func anHonestRelayIsClean() async throws {
        let counts = try await counts(.none)
        #expect(counts.isClean && counts.delivered == counts.expected && counts.delivered > 300)
    }

    static let breaks: [(FaultyRelay.Fault, String)] = [
        (.swapsTwo, "out of order"), (.altersAByte, "altered"), (.repeatsAfterReconnect, "repeated"),
        (.liesAboutOffsets, "altered"), (.forgetsATail, "lost"), (.subscribesLate, "lost"), (.joinsBeyond, "lost"),
        (.skipsSilently, "lost"),
    ]

    @Test(arguments: breaks) func isFound(fault: FaultyRelay.Fault, finding: String) async throws {
        let counts = try await counts(fault)
        #expect(counts.problems.contains(finding), "\(fault): \(counts.problems)")
    }

    @Test func oneLostInTenThousandIsFound() async throws {
        try await withService { service in
            try await withRelay(.dropsOneInTenThousand, to: service) { relay in
                let counts = try await play(
                    relay, commentAPI: service.url, streams: 1, viewers: 100, rate: 250, seconds: 0.6
                ).crowd.counts
                #expect(counts.delivered > 5_000)
                #expect(counts.lost == (counts.delivered + counts.lost + 5_000) / 10_000)
                #expect(counts.expected == counts.delivered + counts.lost)
            }
        }
    }

    @Test(arguments: [FaultyRelay.Fault.none, .stopsHeartbeats])
    func aStuckConnectionIsFound(fault: FaultyRelay.Fault) async throws {
        let counts = try await counts(fault, rate: 1, more: ["--silence", "1", "--duration", "2.5"])
        #expect((counts.silent > 0) == (fault != .none), "\(counts.problems)")
    }

    @Test(arguments: [FaultyRelay.Fault.none, .countsWrongly]) func aWrongCountIsFound(fault: FaultyRelay.Fault)
        async throws
    {
        try await withService { service in
            try await withRelay(fault, to: service) { relay in
                let command = try LikesCommand.parse([
                    "--like-api", service.url, "--readers", relay, "--photos", "3", "--viewers", "6", "--rate", "200",
                    "--duration", "0.5", "--settle-timeout", "1",
                ])
                let status = await LikesRun(command).run()
                #expect(status == (fault == .none ? .fine : .auditFailed))
            }
        }
    }
}

/// Audiences that move.
@Suite(.serialized, .timeLimit(.minutes(1))) struct MovingAudienceTests {
    /// Each viewer leaves or changes channel about once a second.
    private static let moves = ["--churn", "40", "--zaps", "20", "--flash-at", "0.2:0.4", "--settle-timeout", "0.5"]

    @Test func whoeverComesAndGoesGetsAllThatIsOwed() async throws {
        try await withService { service in
            let played = try await play(service.url, seconds: 2, more: Self.moves)
            let counts = played.crowd.counts
            #expect(counts.isClean, "\(counts.problems)")
            #expect(counts.departed > 10)
            // 24 of the 60 came late, and some of them left again.
            #expect(counts.joined == 60 + counts.departed)
            #expect(played.tally.watching == 60)
            #expect(counts.expected > 1_000)
            #expect(counts.expected <= counts.delivered && counts.delivered <= counts.expected + counts.notOwed)
        }
    }

    @Test(arguments: [
        FakeService.Faults(lostOffset: 20), .init(repeatedOffset: 20), .init(alteredOffset: 20, altersForAll: true),
    ])
    func whatIsWrongIsFoundAmongThemToo(faults: FakeService.Faults) async throws {
        let played = try await withService(faults) { try await play($0.url, seconds: 2, more: Self.moves) }
        #expect(!played.crowd.counts.isClean)
    }

    @Test(arguments: [FaultyRelay.Fault.forgetsATail, .subscribesLate, .joinsBeyond])
    func lateJoinersAreAudited(fault: FaultyRelay.Fault) async throws {
        try await withService { service in
            try await withRelay(fault, to: service) { relay in
                let played = try await play(relay, commentAPI: service.url, seconds: 2, more: Self.moves)
                #expect(played.crowd.counts.lost > 0)
            }
        }
    }
}

/// Runs that are written down, and done again.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ReplayTests {
    private func run(_ url: String, _ more: [String]) async throws -> RunStatus {
        let command = try SwarmCommand.parse(
            ["--readers", url, "--comment-api", url, "--settle-timeout", "2", "--json"] + more)
        return await SwarmRun(command).run()
    }

    /// What happened, without the times.
    private func events(_ path: String) throws -> [String] {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        return lines.map { String($0[($0.firstIndex(of: ",") ?? $0.startIndex)...]) }.sorted()
    }

    @Test func aReplayDoesWhatWasRecorded() async throws {
        let folder = NSTemporaryDirectory() + "replay-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (first, second) = ("\(folder)/first", "\(folder)/second")
        let moves = [
            "--streams", "4", "--viewers", "60", "--rate", "100", "--duration", "1.5", "--churn", "40", "--zaps", "20",
            "--flash-at", "0.5:0.4", "--record", first,
        ]
        #expect(try await withService { try await run($0.url, moves) } == .fine)
        let trace = try Trace(reading: first)
        // 36 are there, 24 come together, and others move.
        #expect(trace.present.count == 36 && trace.audience.channels == 4)
        #expect(trace.moves.count { if case .joins = $0.action { true } else { false } } >= 24)
        #expect(trace.moves.contains { $0.action == .leaves } && trace.comments.count > 50)
        let again = ["--replay", first, "--duration", "\(trace.seconds)", "--record", second]
        #expect(try await withService { try await run($0.url, again) } == .fine)
        #expect(try events(second) == events(first))
        // It is audited like any run.
        let lost = FakeService.Faults(lostOffset: 5)
        #expect(try await withService(lost) { try await run($0.url, again) } == .auditFailed)
    }

    @Test func aTraceThatIsNoneIsABadArgument() async throws {
        #expect(try await run("http://127.0.0.1:9", ["--replay", "/nonexistent/trace"]) == .badArguments)
    }
}
