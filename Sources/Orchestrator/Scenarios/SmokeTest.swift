import Audience
import Foundation
import Primitives
import Report
import Testbed
import Wire

/// Three people and three Readers: user1 and user3 watch video1, user2 watches video2, and all write once a second.
///
/// At the end one marked comment is written to each video: who watches that video must have got it, the others not.
struct SmokeTest: Sendable {
    let settings: RunSettings
    let plan: ProcessPlan
    let recorder: Locked<RunResult>
    let runner: ExperimentRunner

    static let people = [("user1", "video1"), ("user2", "video2"), ("user3", "video1")]

    func run(in testbed: Testbed) async throws {
        var setup = ExperimentSetup()
        (setup.commentAPIs, setup.readers, setup.placement) = (plan.commentAPIs, plan.readers, settings.placement)
        setup.redisTopology = settings.redisTopology
        let services = try await recorder.phase("start") { [setup] in try await Services.start(setup, in: testbed) }
        services.showDashboard(runner.progress, opens: runner.opensDashboard)
        let clients = try await recorder.phase("connect") { try await connect(services) }
        try await recorder.phase("publish") { try await watch(services) }
        try await recorder.phase("measure") { try await measure(services, clients) }
    }

    private func connect(_ services: Services) async throws -> [Node] {
        var clients: [Node] = []
        for (index, (user, video)) in SmokeTest.people.enumerated() {
            let arguments =
                ["watch", "--user", user, "--video", video, "--interval", "1"]
                + services.addresses([services.commentAPIs[index % services.commentAPIs.count]])
            clients.append(
                try await services.testbed.addClient(.client, name: "client-\(index + 1)", arguments: arguments))
        }
        let answer = try await services.statistics(atMost: .seconds(15)) {
            $0.readerApis.totalActiveConnections >= clients.count
        }
        let connected = answer.statistics.readerApis.totalActiveConnections
        recorder.update {
            $0.connections = SwarmReport.Viewers(
                wanted: clients.count, connected: connected, failed: clients.count - connected)
        }
        guard connected >= clients.count else {
            throw Failure.unavailable("\(connected) of \(clients.count) clients connected within 15 s")
        }
        return clients
    }

    private func watch(_ services: Services) async throws {
        runner.progress.step("3 people watch and write for \(Format.plain(settings.duration)) s")
        let start = ContinuousClock.now
        while (ContinuousClock.now - start).seconds < settings.duration {
            try await Task.sleep(for: .milliseconds(200))
            runner.progress.update(
                "  \(Int((ContinuousClock.now - start).seconds)) s of \(Format.plain(settings.duration)) s")
        }
    }

    private func measure(_ services: Services, _ clients: [Node]) async throws {
        let videos = Set(SmokeTest.people.map(\.1)).sorted()
        for video in videos {
            let comment = CommentRequest(userid: "orchestrator", videoid: video, comment: SmokeTest.marker(video))
            try await ServiceClient(services.commentAPIs[0]).comment(comment)
        }
        // A client may hold its output back until it ends.
        try await Polling.until(atMost: .seconds(3), every: .milliseconds(50)) {
            zip(clients, SmokeTest.people).allSatisfy { heard($0, SmokeTest.marker($1.1)) }
        }
        let answer = try await services.statistics(atMost: RunSettings.reportDelay) {
            $0.clients.totalClients >= 3
        }
        try? answer.json.write(to: URL(fileURLWithPath: services.testbed.folders.report + "/statistics.json"))
        await services.testbed.supervisor.stop(clients.compactMap(\.child))
        recorder.update { report in
            report.spread = RunResult.Spread(answer.statistics.subscriptionSpread, predicted: nil)
            report.readers = RunResult.Reader.all(answer.statistics, predictedShare: nil)
            report.people = zip(clients, SmokeTest.people).map { person($0, $1, videos, answer.statistics) }
        }
    }

    private func person(_ client: Node, _ who: (String, String), _ videos: [String], _ statistics: Statistics)
        -> RunResult.Person
    {
        let (user, video) = who
        let report = statistics.clients.clients.first { $0.userid == user }
        let own = SmokeTest.marker(video)
        let others = videos.filter { $0 != video }.map(SmokeTest.marker)
        return RunResult.Person(
            name: client.name, user: user, video: video, generated: report?.commentsGenerated ?? 0,
            consumed: report?.commentsConsumed ?? 0, missed: heard(client, own) ? [] : [own],
            foreign: others.filter { heard(client, $0) })
    }

    private func heard(_ client: Node, _ text: String) -> Bool {
        ((try? String(contentsOfFile: client.specification.log, encoding: .utf8)) ?? "").contains(text)
    }

    private static func marker(_ video: String) -> String { "the last word on \(video)" }
}
