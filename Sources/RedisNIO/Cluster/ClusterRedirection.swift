/// Where a command has to be sent instead, as a node of the cluster says.
struct ClusterRedirection: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// `MOVED`: the slot belongs to that node.
        case moved
        /// `ASK`: the slot is open, and that node has the key, or would make it. For this one command, behind `ASKING`.
        case ask
    }

    let kind: Kind
    let slot: HashSlot
    let address: RedisAddress

    /// `nil` for any other error, and for a node that nobody knows the address of.
    ///
    /// - Parameter asked: who answered so; a redirection without a host is to another port of the same.
    init?(_ error: RedisError, from asked: RedisAddress) {
        switch error.code {
        case .reply("MOVED"): kind = .moved
        case .reply("ASK"): kind = .ask
        default: return nil
        }
        let words = error.message.split(separator: " ")
        guard words.count == 2, let slot = Int(words[0]).flatMap({ HashSlot($0) }),
            let colon = words[1].lastIndex(of: ":"), let port = Int(words[1][words[1].index(after: colon)...]),
            (1...65535).contains(port)
        else { return nil }
        let host = String(words[1][..<colon])
        guard host != "?" else { return nil }
        self.slot = slot
        address = RedisAddress(host: host.isEmpty ? asked.host : host, port: port)
    }

    init(_ kind: Kind, _ slot: HashSlot, to address: RedisAddress) {
        self.kind = kind
        self.slot = slot
        self.address = address
    }
}
