public import Wire

extension RedisBroker {
    /// The commands that reading, publishing or subscribing sends to Redis, each with a key or channel of its kind: what the
    /// user's ACL must allow. `INFO` and `CLIENT SETNAME` are done without where they are refused.
    public enum Needs {
        /// Scripts, and signs of life.
        public static let scripts = [
            ["EVAL", "return 1", "0"], ["EVALSHA", "0", "0"], ["SCRIPT", "LOAD", "return 1"], ["PING"],
        ]

        private static func reading(_ keys: [String]) -> [[String]] {
            var all = scripts + [["MULTI"], ["EXEC"]]
            for key in keys {
                all += [["GET", "position:" + key]]
                all += [["XRANGE", "history:" + key, "-", "+"], ["XREVRANGE", "history:" + key, "+", "-"]]
            }
            return all
        }

        public static func publishing(to kinds: [Channel.Kind], as names: ChannelNames) -> [[String]] {
            var all = reading(keys(kinds)) + channels(kinds, names).map { ["PUBLISH", $0, ""] } + [["TIME"]]
            for key in keys(kinds) {
                let (position, history, index) = ("position:" + key, "history:" + key, "names:" + key)
                all += [["SET", position, ""], ["XADD", history, "*", "p", ""], ["XDEL", history, "1-0"]]
                all += [["DEL", history, index], ["EXPIRE", history, "1"], ["ZADD", index, "1", "n"]]
                all += [["ZSCORE", index, "n"], ["ZREMRANGEBYRANK", index, "0", "0"]]
            }
            return all
        }

        /// - Parameter instance: whose probes are sent and heard.
        public static func subscribing(
            to kinds: [Channel.Kind], as names: ChannelNames, instance: String
        ) -> [[String]] {
            let probe = names.probe(of: instance)
            return reading(keys(kinds))
                + (channels(kinds, names) + [probe]).flatMap { [["SUBSCRIBE", $0], ["UNSUBSCRIBE", $0]] }
                + [["PUBLISH", probe, ""]]
        }

        /// What stands behind `position:` and its like, for a channel of each kind.
        private static func keys(_ kinds: [Channel.Kind]) -> [String] {
            kinds.compactMap { Channel($0, id: "v").map { "{\($0.name)}" } }
        }

        /// A channel of each kind, as Redis knows it.
        public static func channels(_ kinds: [Channel.Kind], _ names: ChannelNames) -> [String] {
            kinds.compactMap { Channel($0, id: "v").map(names.name(of:)) }
        }
    }
}
