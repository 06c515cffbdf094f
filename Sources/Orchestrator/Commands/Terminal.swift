import Foundation
import Glibc

/// Standard output and standard error of the command.
enum Terminal {
    static let errorIsTerminal = isatty(STDERR_FILENO) == 1

    /// One line of the result.
    static func output(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }

    /// One line for people: progress, problems.
    static func error(_ text: String, newline: Bool = true) {
        FileHandle.standardError.write(Data((newline ? text + "\n" : text).utf8))
    }
}
