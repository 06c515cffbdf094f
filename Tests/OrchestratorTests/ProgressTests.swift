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
        #expect(sink.text.withLock { $0 } == "\r\u{1B}[Khalf\r\u{1B}[Kdone\n")
    }
}
