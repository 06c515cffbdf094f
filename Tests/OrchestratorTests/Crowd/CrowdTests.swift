import ArgumentParser
import Audience
import Options
import Placement
import Report
import Testbed
import Testing

@testable import Orchestrator

struct CrowdTests {
    let limits = Capacity(perProcess: 20_000)

    private func settings(_ words: String, _ capacity: Capacity? = nil) throws -> RunSettings {
        try RunSettings.parse(["--preset", "million"] + words.split(separator: " ").map(String.init)).checked(
            capacity ?? limits)
    }

    @Test func aMillionNeedsSixtyFourReaders() throws {
        let settings = try settings("")
        #expect([settings.streams, settings.viewers, settings.readers] == [90_000, 1_000_000, 64])
        #expect(settings.audience == .zipf(exponent: 1))
        #expect(settings.rate == 5 && settings.hold == 300)
        #expect(settings.placements == [.random, .overflow])
        #expect(ProcessPlan(settings, limits).swarms == 56)
    }

    @Test func theSameRunSmaller() throws {
        let settings = try settings("--viewers 100000 --placement random --hold 60")
        #expect([settings.streams, settings.viewers, settings.readers] == [90_000, 100_000, 8])
        #expect(settings.placements == [.random])
        let line = "Orchestrator run --preset million --streams 90000 --viewers 100000 --readers 8 --rate 5"
        #expect(settings.commandLine == line + " --hold 60 --audience zipf:1.0 --churn 0.06 --placement random")
    }

    /// One Reader may be lost, and overflow fills one to 1.125 times the mean.
    @Test func tooFewReadersAreRefusedWithTheNumberThatWouldDo() {
        #expect(
            throws: Failure.arguments([
                "--readers 63: 1000000 viewers do not fit, a Reader holds 18000 connections (descriptors: 20000,"
                    + " 'ulimit -Hn'); take at least 64 Readers, or raise the limit"
            ])
        ) { try settings("--readers 63") }
    }

    @Test func trackedConnectionsAreSaidBeforeTheStart() throws {
        var capacity = limits
        capacity.trackedConnectionsMax = 262_000
        let said = problems { try settings("", capacity) }
        #expect(said.count == 1 && said[0].contains("nf_conntrack_max") && said[0].contains("NOTRACK"), "\(said)")
        #expect(try settings("--viewers 262000", capacity).viewers == 262_000)
    }

    @Test func optionsThatDoNotBelongToItAreRefused() {
        let said = problems { try settings("--warmup 5 --likes-rate 5") }.map { $0.prefix { $0 != ":" } }
        #expect(said == ["--warmup", "--likes-rate"])
        #expect(
            throws: Failure.arguments(["--hold: means nothing without the preset 'million'"])
        ) { try RunSettings.parse(["--hold", "5"]).checked(limits) }
    }

    // MARK: What ended it

    private func sample(_ seconds: Double, cpu: Double, available: Int = 8 << 30) -> MachineSample {
        MachineSample(
            seconds: seconds, sockets: 1_000, memoryAvailable: available, memory: 16 << 30, cpuSeconds: cpu)
    }

    private func limit(_ samples: [MachineSample], fullest: Int = 100) -> String {
        CrowdLimit.text(samples, processors: 2, fullest: fullest, limits)
    }

    @Test func theLimitThatEndedACrowdIsNamed() {
        let busy = [sample(0, cpu: 0), sample(10, cpu: 20), sample(20, cpu: 39)]
        #expect(limit(busy).hasPrefix("time and processors: 1.90 of 2 cores"))
        #expect(limit(busy, fullest: 18_000).hasPrefix("descriptors: the fullest Reader had 18,000"))
        #expect(limit([sample(0, cpu: 0), sample(20, cpu: 1, available: 100 << 20)]).hasPrefix("memory: 100"))
        #expect(limit([sample(0, cpu: 0), sample(10, cpu: 2), sample(20, cpu: 3)]).contains("0.10 of 2 cores"))
    }

    @Test func socketsInUse() {
        let text = "sockets: used 270\nTCP: inuse 41 orphan 0 tw 7 alloc 60 mem 9\nUDP: inuse 1 mem 2\n"
        #expect(KernelFigures.socketsInUse(text) == 41)
        #expect(KernelFigures.socketsInUse("") == 0)
    }

    // MARK: Verdict

    private func goodPass() -> CrowdResult.Pass {
        var pass = CrowdResult.Pass(placement: .overflow)
        pass.connections = SwarmReport.Viewers(wanted: 100, connected: 100, connectSeconds: 3)
        pass.hold = CrowdResult.Cores(seconds: 5, readers: 0.2)
        pass.lost = 30
        pass.recoverySeconds = 2
        pass.swarm = makeSwarm()
        var step = CrowdResult.Step(rate: 5, achieved: 5)
        step.latency.record(microseconds: 100_000, count: 1_000)
        var late = CrowdResult.Step(rate: 7.5, achieved: 7.5)
        late.latency.record(microseconds: 6_000_000, count: 1_000)
        // In time, but most of the comments that were due were not taken.
        var dropped = CrowdResult.Step(rate: 11.3, achieved: 6)
        dropped.latency.record(microseconds: 100_000, count: 1_000)
        pass.steps = [step, late, dropped]
        return pass
    }

    @Test func theHighestRateInTimeIsTheResult() {
        #expect(goodPass().sustained == 5)
        #expect(CrowdResult.checks(goodPass()).filter { !$0.passed } == [])
    }

    @Test(arguments: [
        "connecting took", "heartbeats took", "p99 at the first rate was", "recovery took", "held", "audit", "fault",
    ])
    func eachBrokenPromiseFailsTheRun(_ name: String) {
        var pass = goodPass()
        switch name {
        case "connecting took": pass.connections.connectSeconds = 361
        case "heartbeats took": pass.hold?.readers = 0.51
        case "p99 at the first rate was": pass.steps.removeFirst()
        case "recovery took": pass.recoverySeconds = nil
        case "held": pass.lostWhileHeld = 1
        case "audit": pass.swarm = makeSwarm(lost: 1)
        default: pass.lost = 0
        }
        #expect(CrowdResult.checks(pass).filter { !$0.passed }.map(\.name) == ["overflow: \(name)"])
    }
}
