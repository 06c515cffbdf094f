internal import Foundation

/// Lines of the standard input, read on a thread of their own since a read from a pipe blocks.
struct StandardInputLines: Sendable {
    /// Lines that wait; more than the two that the protocol knows mean that nobody follows it.
    static let linesMax = 16

    let lines: AsyncStream<String>

    init() {
        let (lines, continuation) = AsyncStream.makeStream(
            of: String.self, bufferingPolicy: .bufferingOldest(StandardInputLines.linesMax))
        self.lines = lines
        // Not joined at the end: nothing can interrupt its read, and it holds nothing that matters.
        let thread = Thread {
            while let line = readLine() { continuation.yield(line) }
            continuation.finish()
        }
        thread.name = "stdin"
        thread.start()
    }
}
