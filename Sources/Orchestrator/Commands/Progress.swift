import Foundation
import Glibc
import Primitives

/// What goes on, for whoever waits: a few lines that change in place on a terminal, a line now and then elsewhere.
final class Progress: Sendable {
    private let isTerminal: Bool
    private let showsSteps: Bool
    private let colours: Bool
    private let width: @Sendable () -> Int
    private let write: @Sendable (String) -> Void
    private let state = Mutex(State())

    private struct State {
        var last = ContinuousClock.now - .seconds(60)
        /// Lines above the cursor that the next ones replace.
        var open = 0
    }

    /// - Parameters:
    ///   - showsSteps: otherwise a step only takes away what changes in place.
    ///   - colours: on a terminal; by default unless `NO_COLOR` is set and not empty (no-color.org).
    ///   - write: gets text with its line ends; standard error by default.
    ///   - width: columns of the terminal, now.
    init(
        isTerminal: Bool = StandardError.isTerminal && ProcessInfo.processInfo.environment["TERM"] != "dumb",
        showsSteps: Bool = true, colours: Bool = ProcessInfo.processInfo.environment["NO_COLOR"] ?? "" == "",
        write: @escaping @Sendable (String) -> Void = { StandardError.write($0, newline: false) },
        width: @escaping @Sendable () -> Int = Progress.terminalWidth
    ) {
        (self.isTerminal, self.showsSteps, self.colours) = (isTerminal, showsSteps, colours)
        (self.width, self.write) = (width, write)
    }

    /// Says nothing.
    static let silent = Progress(isTerminal: false) { _ in }

    /// A step that is done or begins: always shown, and it stays.
    func step(_ text: String) {
        state.withLock { state in
            write(Self.erase(&state) + (showsSteps ? text + "\n" : ""))
            state.last = .now
        }
    }

    /// Takes away what changes in place.
    func clear() { state.withLock { write(Self.erase(&$0)) } }

    /// How far the step is. On a terminal it takes the place of the last one, five times a second at most; elsewhere it is
    /// a line every five seconds.
    func update(_ text: @autoclosure () -> String) { draw { [text()] } }

    /// How a load goes: several lines on a terminal, and one elsewhere.
    func show(_ view: @autoclosure () -> LiveView) {
        draw { isTerminal ? view().lines(width: width(), colours: colours) : [view().line] }
    }

    private func draw(_ lines: () -> [String]) {
        state.withLock { state in
            let now = ContinuousClock.now
            guard now - state.last >= (isTerminal ? .milliseconds(200) : .seconds(5)) else { return }
            state.last = now
            let lines = lines()
            write(Self.erase(&state) + lines.map { $0 + "\n" }.joined())
            state.open = isTerminal ? lines.count : 0
        }
    }

    /// Up to the first open line, and everything below it is cleared.
    private static func erase(_ state: inout State) -> String {
        defer { state.open = 0 }
        return state.open > 0 ? "\u{1B}[\(state.open)F\u{1B}[J" : ""
    }

    static func terminalWidth() -> Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}
