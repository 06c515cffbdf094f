import ArgumentParser
import Primitives
import Report
import Testing

@testable import SimClient

/// Whole runs, as the command line starts them.
@Suite(.serialized, .timeLimit(.minutes(1))) struct SwarmRunTests {
    private func run(_ url: String, _ more: [String] = []) async throws -> RunStatus {
        let command = try SwarmCommand.parse(
            [
                "--readers", url, "--comment-api", url, "--stats-api", url, "--streams", "3", "--viewers", "30",
                "--rate", "100", "--duration", "0.4", "--settle-timeout", "2", "--json",
            ] + more)
        return await SwarmRun(command).run()
    }

    @Test func aCleanRunIsFine() async throws {
        try await withService { service in
            let status = try await run(service.url)
            #expect(status == .fine)
            let last = service.seen.value.withLock { $0.reports.last ?? [] }
            let text = String(decoding: last, as: UTF8.self)
            #expect(text.contains(#""connected":30"#))
            let written = service.seen.value.withLock { $0.comments }
            #expect(text.contains("\"commentsGenerated\":\(written)"))
        }
    }

    @Test func aLossIsTheExitStatus() async throws {
        try await withService(.init(lostOffset: 2)) { service in
            let status = try await run(service.url)
            let withheld = service.seen.value.withLock { $0.withheld }
            try #require(withheld > 0, "no channel came to its second comment")
            #expect(status == .auditFailed)
        }
    }

    @Test func nobodyConnectsToNothing() async throws {
        let status = try await run("http://127.0.0.1:9", ["--connect-timeout", "1"])
        #expect(status == .unavailable)
    }

    @Test func cancellingEndsTheRun() async throws {
        try await withService { service in
            let url = service.url
            let task = Task { try await run(url, ["--duration", "60"]) }
            while service.seen.value.withLock({ $0.comments }) == 0 { try await Task.sleep(for: .milliseconds(5)) }
            task.cancel()
            let status = try await task.value
            #expect(status == .interrupted)
        }
    }
}
