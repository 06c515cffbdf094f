import Primitives

/// What goes on, for whoever waits: one line that changes on a terminal, a line now and then elsewhere.
final class Progress: Sendable {
    private let isTerminal: Bool
    private let write: @Sendable (String) -> Void
    private let state = Mutex(State())

    private struct State {
        var last = ContinuousClock.now - .seconds(60)
        var lineIsOpen = false
    }

    /// - Parameter write: gets text with its line ends; standard error by default.
    init(
        isTerminal: Bool = StandardError.isTerminal,
        write: @escaping @Sendable (String) -> Void = { StandardError.write($0, newline: false) }
    ) {
        self.isTerminal = isTerminal
        self.write = write
    }

    /// Says nothing.
    static let silent = Progress(isTerminal: false) { _ in }

    /// A step that is done or begins: always shown, and it stays.
    func step(_ text: String) {
        state.withLock { state in
            write((state.lineIsOpen ? "\r\u{1B}[K" : "") + text + "\n")
            state.lineIsOpen = false
            state.last = .now
        }
    }

    /// How far the step is. On a terminal it takes the place of the last one, five times a second at most; elsewhere it is
    /// a line every five seconds.
    func update(_ text: @autoclosure () -> String) {
        state.withLock { state in
            let now = ContinuousClock.now
            guard now - state.last >= (isTerminal ? .milliseconds(200) : .seconds(5)) else { return }
            state.last = now
            write(isTerminal ? "\r\u{1B}[K" + text() : text() + "\n")
            state.lineIsOpen = isTerminal
        }
    }
}
