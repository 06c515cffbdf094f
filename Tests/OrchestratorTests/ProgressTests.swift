import Audience
import Primitives
import Testing

@testable import Orchestrator

struct ProgressTests {
    final class Sink: Sendable {
        let text = Mutex("")
        func write(_ more: String) { text.withLock { $0 += more } }
    }

    @Test func elsewhereThanOnATerminalThereAreWholeLines() {
        let sink = Sink()
        let progress = Progress(isTerminal: false, write: sink.write)
        progress.step("one")
        // Too soon after a step.
        progress.update("half")
        progress.step("two")
        #expect(sink.text.withLock { $0 } == "one\ntwo\n")
    }

    @Test func onATerminalAStepTakesThePlaceOfTheOpenLine() {
        let sink = Sink()
        let progress = Progress(isTerminal: true, write: sink.write)
        progress.update("half")
        progress.step("done")
        #expect(sink.text.withLock { $0 } == "half\n\u{1B}[1F\u{1B}[Jdone\n")
    }

    @Test func theLinesOfALoadAreDrawnInPlace() {
        let sink = Sink()
        let progress = Progress(isTerminal: true, colours: false, write: sink.write, width: { 60 })
        progress.show(makeView())
        progress.clear()
        progress.clear()
        let drawn = makeView().lines(width: 60, colours: false)
        #expect(sink.text.withLock { $0 } == drawn.map { $0 + "\n" }.joined() + "\u{1B}[\(drawn.count)F\u{1B}[J")
    }

    @Test func stepsThatAreNotShownStillClear() {
        let sink = Sink()
        let progress = Progress(isTerminal: true, showsSteps: false, write: sink.write)
        progress.update("half")
        progress.step("done")
        #expect(sink.text.withLock { $0 } == "half\n\u{1B}[1F\u{1B}[J")
    }
}

private func makeView() -> LiveView {
    var fast = LatencyHistogram()
    fast.record(microseconds: 2_000, count: 99)
    var view = LiveView(
        seconds: 12.4, duration: 22, wanted: 50, written: .init(name: "comments", sum: 600, perSecond: 49.8),
        delivered: .init(name: "deliveries", sum: 148_000, perSecond: 12_345.6))
    (view.latency, view.latencyNow) = (LatencySummary(fast), LatencySummary(fast))
    view.spread = .init(share: 0.702, predicted: 0.71)
    view.processes = .init(running: 9, cores: 1.25, memoryBytes: 300 << 20)
    return view
}

struct LiveViewTests {
    @Test func aTerminalGetsALineForEachThing() {
        #expect(
            makeView().lines(width: 100, colours: false) == [
                "  [===========         ] 12 s of 22 s, 10 s left",
                "  comments    50/s wanted, 49.8/s acknowledged, 600 in all",
                "  deliveries  12,346/s, 148,000 in all",
                "  latency     p50 2.00 ms, p99 2.00 ms so far; p99 2.00 ms in the last second",
                "  spread      70.2%, the formula says 71.0%",
                "  processes   9, 1.25 cores, 300.0 MiB at their peaks",
            ])
    }

    @Test func elsewhereItIsOneLine() {
        #expect(
            makeView().line
                == "  12 s of 22 s, 10 s left: comments 50/s wanted, 49.8/s acknowledged, 600 in all;"
                + " deliveries 12,346/s, 148,000 in all; latency p50 2.00 ms, p99 2.00 ms so far; p99 2.00 ms in the"
                + " last second; spread 70.2%, the formula says 71.0%; processes 9, 1.25 cores, 300.0 MiB at their peaks"
        )
    }

    /// What does not fit would be wrapped, and the next drawing would not cover it.
    @Test(arguments: [20, 40, 60]) func noLineIsWiderThanTheTerminal(width: Int) {
        let lines = makeView().lines(width: width, colours: false)
        #expect(lines.allSatisfy { $0.count < width }, "\(lines)")
    }

    @Test func coloursAreOnlyThereWhenAsked() {
        var view = makeView()
        #expect(!view.lines(width: 80, colours: false).joined().contains("\u{1B}"))
        #expect(view.lines(width: 80, colours: true)[1].hasPrefix("  \u{1B}[2mcomments"))
        // Too slow: in another colour.
        #expect(!view.lines(width: 80, colours: true)[1].contains("\u{1B}[33m"))
        view.written.perSecond = 40
        #expect(view.lines(width: 80, colours: true)[1].contains("\u{1B}[33m"))
    }

    @Test func whatIsNotKnownIsLeftOut() {
        let view = LiveView(
            seconds: 3, duration: nil, wanted: 50, written: .init(name: "likes", sum: 0),
            delivered: .init(name: "counts", sum: 0))
        #expect(
            view.lines(width: 80, colours: false) == [
                "  3 s", "  likes       50/s wanted, -/s acknowledged, 0 in all", "  counts      -/s, 0 in all",
            ])
    }

    @Test func aRateIsTheMeanOfTheLastSeconds() {
        #expect(LiveMonitor.rate([]) == nil)
        #expect(LiveMonitor.rate([(2, 100)]) == 50)
        #expect(LiveMonitor.rate([(2, 100), (3, 100), (6, 300)]) == 50)
    }
}
