import Glibc
public import Logging
import Primitives
import Wire

/// Writes one line an event to a descriptor: `2026-01-01T12:00:00.000Z info  message key=value key="two words"`.
///
/// The line goes out in one `write(2)`, so that lines of several processes on one terminal do not mix.
public struct LineLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let descriptor: Int32

    public init(label: String, level: Logger.Level = .info, descriptor: Int32 = 2) {
        self.label = label
        self.logLevel = level
        self.descriptor = descriptor
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let line = Array(
            Self.line(event, label: label, metadata: merged(with: event), milliseconds: WallClock.milliseconds()).utf8)
        // A failed write has no place where it could be reported.
        _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }

    private func merged(with event: LogEvent) -> Logger.Metadata {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        if let error = event.error { all["error"] = "\(error)" }
        return all
    }

    static func line(_ event: LogEvent, label: String, metadata: Logger.Metadata, milliseconds: Int64) -> String {
        let level = event.level.rawValue.padding(to: 5)
        var line =
            "\(Timestamp.text(millisecondsSinceEpoch: milliseconds)) \(level) \(label): \(escaped("\(event.message)"))"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(key)=\(quoted("\(value)"))"
        }
        return line + "\n"
    }

    /// A value as one word, or in quotes: what a reader of the log takes for its end is its end.
    private static func quoted(_ text: String) -> String {
        let plain =
            !text.isEmpty
            && text.utf8.allSatisfy {
                $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
            }
        return plain ? text : "\"" + escaped(text).replacing("\"", with: "\\\"") + "\""
    }

    /// Without what ends a line, moves a cursor or turns the direction of writing, and with backslashes doubled: a value
    /// from outside must forge neither a line of the log nor a field of one.
    private static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 >= 0x7F || $0 == UInt8(ascii: "\\") }) else { return text }
        return text.unicodeScalars.map { scalar in
            if scalar == "\\" { return "\\\\" }
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                return "\\u{\(String(scalar.value, radix: 16))}"
            default: return String(scalar)
            }
        }.joined()
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - utf8.count))
    }
}
