/// A Lua script that Redis keeps under its SHA-1 name.
public struct RedisScript: Sendable {
    public let source: String
    /// 40 hexadecimal characters.
    public let digest: String

    public init(_ source: String) {
        self.source = source
        self.digest = SHA1.hexDigest(of: Array(source.utf8))
    }

    /// `EVALSHA`; further arguments (`ARGV`) may be appended.
    ///
    /// - Parameter bySource: `EVAL` with the whole text instead: also a Redis that does not know the script runs it, and
    ///   knows it from then on.
    public func call(keys: [String], bySource: Bool = false) -> RedisCommand {
        var command = RedisCommand(bySource ? "EVAL" : "EVALSHA", bySource ? source : digest, String(keys.count))
        for key in keys { command.append(key) }
        return command
    }

    var load: RedisCommand { RedisCommand("SCRIPT", "LOAD", source) }
}

extension RedisConnection {
    /// Runs a call made by ``RedisScript/call(keys:)``. When Redis does not know the script (it restarted, or
    /// `SCRIPT FLUSH`), the call did not run; the script is loaded and the call sent again, once, in one round trip.
    public func evaluate(_ script: RedisScript, _ call: RedisCommand) async throws(RedisError) -> RESPValue {
        do throws(RedisError) {
            return try await send(call)
        } catch  where error.code == .reply("NOSCRIPT") {
            let replies = try await send(contentsOf: [script.load, call])
            for reply in replies {
                if case .failure(let error) = reply { throw error }
            }
            return replies.last ?? .null
        }
    }
}

extension RedisClient {
    /// Runs a script with keys and arguments; see ``RedisConnection/evaluate(_:_:)``.
    public func evaluate(
        _ script: RedisScript, keys: [String], arguments: [[UInt8]] = []
    ) async throws(RedisError) -> RESPValue {
        var call = script.call(keys: keys)
        for argument in arguments { call.append(argument) }
        return try await connection().evaluate(script, call)
    }
}
