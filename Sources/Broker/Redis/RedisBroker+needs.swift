extension RedisBroker {
    /// The commands that reading, publishing or subscribing sends to Redis, each with a key or channel of its kind: what the
    /// user's ACL must allow. `INFO` and `CLIENT SETNAME` are done without where they are refused.
    public enum Needs {
        private static let key = "{video:v}"
        private static let scripts = [
            ["EVAL", "return 1", "0"], ["EVALSHA", "0", "0"], ["SCRIPT", "LOAD", "return 1"], ["PING"],
        ]

        public static let reading =
            scripts + [
                ["MULTI"], ["EXEC"], ["GET", "position:" + key], ["MGET", "position:" + key],
                ["XRANGE", "history:" + key, "-", "+"], ["XREVRANGE", "history:" + key, "+", "-"],
            ]

        /// - Parameter channels: as Redis knows them.
        public static func publishing(to channels: [String]) -> [[String]] {
            reading + channels.map { ["PUBLISH", $0, ""] } + [
                ["SET", "position:" + key, ""], ["XADD", "history:" + key, "*", "p", ""],
                ["XDEL", "history:" + key, "1-0"], ["DEL", "history:" + key, "names:" + key],
                ["EXPIRE", "history:" + key, "1"], ["ZADD", "names:" + key, "1", "n"], ["ZSCORE", "names:" + key, "n"],
                ["ZREMRANGEBYRANK", "names:" + key, "0", "0"], ["TIME"],
            ]
        }

        /// - Parameters:
        ///   - channels: as Redis knows them.
        ///   - probe: the channel of the subscriber's probe.
        public static func subscribing(to channels: [String], probe: String) -> [[String]] {
            reading + (channels + [probe]).flatMap { [["SUBSCRIBE", $0], ["UNSUBSCRIBE", $0]] } + [
                ["PUBLISH", probe, ""]
            ]
        }
    }
}
