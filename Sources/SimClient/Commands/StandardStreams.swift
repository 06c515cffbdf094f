internal import Foundation

/// What the program says to people when standard output belongs to machines.
enum StandardError {
    static func write(_ line: String) {
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }

    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}

enum StandardOutput {
    /// One line, at once: whoever coordinates waits for it.
    static func write(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }
}

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
