/// How a process ended. The numbers below 128 are those of sysexits.h where one fits.
public enum ExitCode: Int32, Sendable {
    /// Stopped in order.
    case fine = 0
    /// Arguments or settings that cannot be used.
    case usage = 64
    /// An audit found a loss.
    case loss = 65
    /// Something that is needed cannot be had: a server, a port.
    case unavailable = 69
    /// A fault of the program, or a process that died.
    case `internal` = 70
    /// A second signal ended the process before its stop was complete.
    case interrupted = 130
}

/// Ends a service with a code and a sentence for the person who started it.
public struct ServiceFailure: Error, CustomStringConvertible {
    public var code: ExitCode
    public var message: String

    public init(_ code: ExitCode, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
