import Glibc

/// Lines for whoever started the program, each of them whole: two that are written at once stand one after the other.
public enum StandardOutput {
    /// EX_IOERR: standard output takes no more, a full disk or a pipe whose reader is gone.
    public static let failed: Int32 = 74

    /// Writes `text` as a line. What cannot be written ends the program with ``failed`` and a sentence on standard
    /// error: nobody would get its result.
    public static func write(_ text: String, newline: Bool = true) {
        guard let code = emit(newline ? text + "\n" : text, to: STDOUT_FILENO, outputTurn) else { return }
        let name = CommandLine.arguments.first?.split(separator: "/").last ?? "program"
        StandardError.write("\(name): cannot write to standard output: \(String(cString: strerror(code)))")
        // Other threads still work: nothing is torn down under them.
        _exit(failed)
    }
}

/// What a program says to people. Nobody can be told when that fails.
public enum StandardError {
    public static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    public static func write(_ text: String, newline: Bool = true) {
        _ = emit(newline ? text + "\n" : text, to: STDERR_FILENO, errorTurn)
    }
}

private let outputTurn = Mutex(())
private let errorTurn = Mutex(())

/// Writes all of it; `errno` when that fails. A closed pipe is an error like others, no signal.
///
/// - Parameter turn: of the descriptor. A pipe takes 64 KiB at once: a longer text goes in parts, and nobody else's may come
///   between them.
func emit(_ text: String, to descriptor: Int32, _ turn: borrowing Mutex<Void>) -> Int32? {
    _ = brokenPipeIsAnError
    var text = text
    return turn.withLock { _ in text.withUTF8 { write(UnsafeRawBufferPointer($0), to: descriptor) } }
}

private func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
    var rest = bytes
    while !rest.isEmpty {
        let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
        if written < 0, errno == EAGAIN {
            // The other end made it non-blocking for both.
            var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&ready, 1, -1)
        } else if written < 0, errno != EINTR {
            return errno
        }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(max(0, written)))
    }
    return nil
}

private let brokenPipeIsAnError: Void = { signal(SIGPIPE, SIG_IGN) }()
