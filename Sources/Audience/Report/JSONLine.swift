internal import Foundation

/// What processes that work together say to each other: one JSON object a line.
public enum JSONLine {
    /// Members are sorted, so that two runs can be compared.
    ///
    /// - Parameter pretty: for people, over several lines.
    public static func text(_ value: some Encodable, pretty: Bool = false) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        // Our own values hold no infinite number and no other thing that JSON lacks.
        guard let data = try? encoder.encode(value) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }

    /// `nil` for a line that is no such value.
    public static func read<Value: Decodable>(_ line: String) -> Value? {
        try? JSONDecoder().decode(Value.self, from: Data(line.utf8))
    }
}

/// Lines from whoever leads the program.
public enum StandardInput {
    /// All of them until it ends; read on a thread of its own, since a read from a pipe blocks. Once in a program.
    ///
    /// - Parameter most: that may wait; those beyond are lost.
    public static func lines(most: Int) -> AsyncStream<String> {
        let (lines, continuation) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingOldest(most))
        // Not joined at the end: nothing can interrupt its read, and it holds nothing that matters.
        Thread.detachNewThread {
            Thread.current.name = "stdin"
            while let line = readLine() { continuation.yield(line) }
            continuation.finish()
        }
        return lines
    }
}
