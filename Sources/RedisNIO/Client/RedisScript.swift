import Primitives

/// A Lua script. Redis keeps it under a digest of its text, which `SCRIPT LOAD` answers; until this process has learned
/// the digest, calls carry the text.
public final class RedisScript: Sendable {
    public let source: String
    private let digest = Mutex<String?>(nil)

    public init(_ source: String) {
        self.source = source
    }

    /// `EVALSHA`, or `EVAL` as long as the digest is unknown; further arguments (`ARGV`) may be appended.
    public func call(keys: [String]) -> RedisCommand {
        let digest = digest.withLock { $0 }
        var command = RedisCommand(digest == nil ? "EVAL" : "EVALSHA", digest ?? source, String(keys.count))
        for key in keys { command.append(key) }
        return command
    }

    fileprivate var isKnown: Bool { digest.withLock { $0 != nil } }
    fileprivate var load: RedisCommand { RedisCommand("SCRIPT", "LOAD", source) }
    fileprivate func loaded(_ reply: RESPValue?) {
        if let text = reply?.text { digest.withLock { $0 = text } }
    }
}

extension RedisConnection {
    /// Runs calls made by ``RedisScript/call(keys:)`` as one pipeline. Error replies are `.failure` elements. When Redis does
    /// not know the script (it restarted, another node was promoted, `SCRIPT FLUSH`), a call did not run; the script is
    /// loaded and the call sent again, once, in one round trip.
    ///
    /// In front of several the script is loaded: if Redis did not know it, and another connection loaded it while the
    /// pipeline runs, the end of the pipeline would overtake its beginning.
    ///
    /// - Parameter last: commands behind the calls that do no harm when they run twice; their replies are the last.
    public func evaluate(
        _ script: RedisScript, contentsOf calls: [RedisCommand], then last: [RedisCommand] = []
    ) async throws(RedisError) -> [RESPValue] {
        if calls.count == 1, script.isKnown {
            let replies = try await send(contentsOf: calls + last)
            guard replies.first?.failure?.code == .reply("NOSCRIPT") else { return replies }
        }
        let replies = try await send(contentsOf: [script.load] + calls + last)
        script.loaded(replies.first)
        return Array(replies.dropFirst())
    }
}
