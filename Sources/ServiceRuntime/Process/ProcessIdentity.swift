import FoundationEssentials
import Wire

/// The name and the session of this process.
public enum ProcessIdentity {
    /// `<host>-<pid>`, within the rule of identifiers.
    static let instance: String = {
        let host = ProcessInfo.processInfo.hostName.prefix(100).filter { Identifier.isValid(String($0)) && $0 != ":" }
        return "\(host.isEmpty ? "host" : host)-\(ProcessInfo.processInfo.processIdentifier)"
    }()

    /// Random, 13 characters: a restarted process has a new session.
    public static func makeSession() -> String {
        var generator = SystemRandomNumberGenerator()
        return makeSession(using: &generator)
    }

    static func makeSession(using generator: inout some RandomNumberGenerator) -> String {
        let number = UInt64.random(in: .min ... .max, using: &generator)
        let text = String(number, radix: 36)
        return String(repeating: "0", count: 13 - text.utf8.count) + text
    }
}
