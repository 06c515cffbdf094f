import Foundation
import Glibc
import Primitives
import TestSupport
import Testing

@testable import Testbed

@Suite(.timeLimit(.minutes(1)))
struct SupervisorTests {
    @Test func phaseAfterPhaseAndThoseOfOneTogether() async throws {
        try await withTemporaryFolder { folder in
            let order = "\(folder)/order"
            try await withSupervisor { supervisor in
                for (name, phase) in [("servers", .servers), ("clients", .clients), ("services", .services)]
                    as [(String, ChildSpecification.Phase)]
                {
                    let script =
                        "trap 'sleep 0.2; echo \(name) >> \(order); exit 0' TERM; echo ready; while :; do sleep 0.02; done"
                    var specification = makeScript(name, script, in: folder)
                    specification.phase = phase
                    _ = try await supervisor.start(specification)
                    try await waitFor("ready", in: "\(folder)/\(name).log")
                }
            }
            #expect(text(of: order) == "clients\nservices\nservers\n")
        }
    }

    /// As many as a large run has: the time is that of one, not the sum.
    @Test func aHundredStopTogether() async throws {
        try await withTemporaryFolder { folder in
            let supervisor = Supervisor()
            for number in 0..<100 {
                let script = "trap 'sleep 1; exit 0' TERM; echo ready; while :; do sleep 0.2; done"
                _ = try await supervisor.start(makeScript("child-\(number)", script, in: folder))
            }
            try await waitFor("ready", in: "\(folder)/child-99.log")
            let start = ContinuousClock.now
            await supervisor.stopAll()
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test func oneThatDoesNotListenIsKilledWithItsGroup() async throws {
        try await withTemporaryFolder { folder in
            var specification = makeScript(
                "deaf", "trap '' TERM; sleep 300 & echo $!; wait; wait; sleep 300", in: folder)
            specification.grace = .milliseconds(100)
            let deaf = specification
            let (child, exit, waited) = try await withSupervisor { supervisor in
                let child = try await supervisor.start(deaf)
                _ = try await Polling.wait(atMost: .seconds(10)) { text(of: deaf.log).isEmpty ? nil : true }
                let start = ContinuousClock.now
                return (child, await supervisor.stop(child), ContinuousClock.now - start)
            }
            #expect(waited >= deaf.grace)
            let grandchild = try #require(Int32(text(of: deaf.log).trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(exit == .signal(SIGKILL))
            #expect(child.exit == .signal(SIGKILL))
            let gone = try await Polling.wait(atMost: .seconds(5)) {
                ProcessUsage.isAlive(pid: grandchild) ? nil : true
            }
            #expect(gone == true)
        }
    }

    @Test func anUnexpectedDeathIsToldWithTheEndOfItsLog() async throws {
        try await withTemporaryFolder { folder in
            let death = try await withSupervisor { supervisor in
                _ = try await supervisor.start(makeScript("stays", "sleep 300", in: folder))
                _ = try await supervisor.start(makeScript("dies", "echo something broke >&2; exit 3", in: folder))
                return await supervisor.deaths.first { _ in true }
            }
            #expect(death?.name == "dies")
            #expect(death?.exit == .code(3))
            #expect(death?.tail == ["something broke"])
            #expect(death?.description.contains("dies ended with exit code 3") == true)
        }
    }

    @Test func aDeathThatWasAskedForIsNone() async throws {
        try await withTemporaryFolder { folder in
            let death = try await withSupervisor { supervisor in
                let stopped = try await supervisor.start(makeScript("stopped", "sleep 300", in: folder))
                var ending = makeScript("ending", "exit 65", in: folder)
                ending.life = .ends(codes: [0, 65])
                _ = try await supervisor.start(ending)
                await supervisor.kill(stopped)
                _ = try await supervisor.start(makeScript("dies", "exit 1", in: folder))
                return await supervisor.deaths.first { _ in true }
            }
            #expect(death?.name == "dies")
        }
    }

    @Test func aProgramThatIsMissingDiesWithTheReason() async throws {
        try await withTemporaryFolder { folder in
            let missing = ChildSpecification(
                name: "missing", executable: "/nonexistent/program", log: "\(folder)/missing.log")
            let death = await thrown(ChildDeath.self) { _ = try await Supervisor().start(missing) }
            #expect(death?.exit == .notStarted("/nonexistent/program: No such file or directory"))
        }
    }

    @Test func childrenAreStoppedWhenTheBodyThrows() async throws {
        struct Broken: Error {}
        try await withTemporaryFolder { folder in
            await #expect(throws: Broken.self) {
                try await withSupervisor { supervisor in
                    let child = try await supervisor.start(makeScript("left", "echo $$; sleep 300", in: folder))
                    _ = try await Polling.wait(atMost: .seconds(10)) {
                        text(of: child.specification.log).isEmpty ? nil : true
                    }
                    throw Broken()
                }
            }
            let pid = try #require(
                Int32(text(of: "\(folder)/left.log").trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(!ProcessUsage.isAlive(pid: pid))
        }
    }

    @Test func childrenAreStoppedGentlyWhenTheCallerIsCancelled() async throws {
        try await withTemporaryFolder { folder in
            let script = "trap 'echo gently; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
            let task = Task {
                try await withSupervisor { supervisor in
                    _ = try await supervisor.start(makeScript("child", script, in: folder))
                    try await Task.sleep(for: .seconds(300))
                }
            }
            try await waitFor("ready", in: "\(folder)/child.log")
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(text(of: "\(folder)/child.log") == "ready\ngently\n")
        }
    }

    @Test func oneWhoseStartWasInterruptedIsStoppedToo() async throws {
        try await withTemporaryFolder { folder in
            let specification = makeScript("late", "sleep 300", in: folder)
            let isOver = Flag()
            // A task of its own: with the defect it would wait for the child for ever, and the test with it.
            Task {
                try await withSupervisor { supervisor in
                    let start = Task { try await supervisor.start(specification) }
                    start.cancel()
                    _ = try? await start.value
                }
                isOver.raise()
            }
            let inTime = try await Polling.wait(atMost: .seconds(20)) { isOver.isRaised ? true : nil }
            #expect(inTime == true)
        }
    }

    @Test func linesGoBothWays() async throws {
        try await withTemporaryFolder { folder in
            var specification = makeScript(
                "echo", "while read line; do echo got $line; done; echo end; echo aside >&2", in: folder)
            specification.converses = true
            specification.life = .ends(codes: [0])
            let echo = specification
            let lines = try await withSupervisor { supervisor in
                let child = try await supervisor.start(echo)
                try await child.send(line: "one")
                try await child.send(line: "two")
                var lines: [String] = []
                for await line in child.lines {
                    lines.append(line)
                    if lines.count == 2 { break }
                }
                return lines
            }
            #expect(lines == ["got one", "got two"])
        }
    }

    @Test func onlyStatedVariablesReachAChild() async throws {
        try await withTemporaryFolder { folder in
            setenv("PLACEMENT", "from the shell", 1)
            var specification = makeScript("env", "env; echo done", in: folder)
            specification.environment = ["PORT": "4000"]
            specification.life = .ends(codes: [0])
            let env = specification
            try await withSupervisor { supervisor in
                _ = try await supervisor.start(env)
                try await waitFor("done", in: env.log)
            }
            #expect(text(of: env.log).contains("PORT=4000\n"))
            #expect(text(of: env.log).contains("PATH="))
            #expect(!text(of: env.log).contains("PLACEMENT"))
        }
    }

    @Test func processorTimeAndMemoryAreSampled() async throws {
        try await withTemporaryFolder { folder in
            let child = try await withSupervisor { supervisor in
                let child = try await supervisor.start(makeScript("busy", "while :; do :; done", in: folder))
                _ = try await Polling.wait(atMost: .seconds(20)) {
                    supervisor.takeSamples()
                    return child.usage.cpuSeconds > 0.2 ? true : nil
                }
                return child
            }
            #expect(child.usage.cpuSeconds > 0.2)
            #expect(child.usage.memoryPeakBytes > 1_000_000)
        }
    }
}

/// Runs `body` with a supervisor, which stops all of its children in the end.
private func withSupervisor<Value: Sendable>(_ body: @Sendable (Supervisor) async throws -> Value) async throws -> Value
{
    let supervisor = Supervisor()
    return try await withEnd({ await Task { await supervisor.stopAll() }.value }) { try await body(supervisor) }
}
