import Glibc

/// Who this process is.
public enum ProcessIdentity {
    /// `<host>-<pid>`, within the rule of identifiers.
    static let instance: String = {
        var buffer = [CChar](repeating: 0, count: 256)
        let host =
            gethostname(&buffer, buffer.count - 1) == 0 ? buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) } : []
        let name = host.prefix(100).filter { isSafe($0) }
        return (name.isEmpty ? "host" : String(decoding: name, as: UTF8.self)) + "-\(getpid())"
    }()

    /// A random word for one life of a process: a restart is a new session.
    public static func makeSession() -> String {
        var generator = SystemRandomNumberGenerator()
        return makeSession(using: &generator)
    }

    static func makeSession(using generator: inout some RandomNumberGenerator) -> String {
        let number = UInt64.random(in: .min ... .max, using: &generator)
        let text = String(number, radix: 36)
        return String(repeating: "0", count: 13 - text.utf8.count) + text
    }

    private static func isSafe(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default:
            false
        }
    }
}
