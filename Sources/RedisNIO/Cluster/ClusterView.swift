/// What one node says of its cluster (`CLUSTER NODES`), or a Sentinel of its master: then one shard with all slots.
struct ClusterView: Hashable, Sendable {
    struct Node: Hashable, Sendable {
        /// The node's name in the cluster, which stays when its address changes.
        var id: String
        /// Where it is; `nil` when nobody has told.
        var address: RedisAddress?
        /// Further names of the same host: what a redirection may call it.
        var aliases: [String] = []
        var isMaster = true
        /// The view's node is sure, or suspects, that it is away.
        var isFailing = false
        /// Of two nodes that claim a slot, the one with the higher epoch has it.
        var epoch: UInt64 = 0
        /// Ascending.
        var slots: [ClosedRange<Int>] = []
        /// Slots that it hands over at present, and the name of the node that takes each. Told of the view's own node only.
        var leaving: [HashSlot: String] = [:]
        var isMyself = false
    }

    var nodes: [Node]

    init(nodes: [Node]) { self.nodes = nodes }

    /// Reads the answer to `CLUSTER NODES`: `<id> <host>:<port>@<bus>[,<hostname>[,<name>=<value>…]] <flags> <master> <ping>
    /// <pong> <epoch> <link> [<slot>…]`, a slot being `7`, `0-5460`, `[93->-<id>]` (leaves) or `[77-<-<id>]` (comes).
    ///
    /// - Parameters:
    ///   - asked: the node's address: a node that was never told its own says nothing, and is where it was asked.
    ///   - prefersHostnames: for encrypted connections, whose certificates hold names.
    /// - Throws: `protocolViolation` for anything else.
    init(_ text: String, asked: RedisAddress, prefersHostnames: Bool) throws(RedisError) {
        nodes = []
        for line in text.split(whereSeparator: \.isNewline) {
            let fields = line.split(separator: " ")
            guard fields.count >= 8, let epoch = UInt64(fields[6]) else {
                throw RedisError(.protocolViolation, "CLUSTER NODES was answered in another form")
            }
            let flags = fields[2].split(separator: ",")
            var node = Node(id: String(fields[0]), epoch: epoch)
            node.isMyself = flags.contains("myself")
            node.isMaster = flags.contains("master")
            node.isFailing = flags.contains("fail") || flags.contains("fail?")
            node.setAddress(fields[1], asked: asked, prefersHostname: prefersHostnames)
            if flags.contains("noaddr") { node.address = nil }
            for slot in fields.dropFirst(8) { try node.add(slot) }
            nodes.append(node)
        }
        guard !nodes.isEmpty else { throw RedisError(.protocolViolation, "CLUSTER NODES named no node") }
    }

    func node(_ id: String) -> Node? { nodes.first { $0.id == id } }
}

extension ClusterView.Node {
    fileprivate mutating func setAddress(_ field: Substring, asked: RedisAddress, prefersHostname: Bool) {
        let parts = field.split(separator: ",", omittingEmptySubsequences: false)
        let place = parts[0].prefix { $0 != "@" }
        // The host may be an IPv6 address, so the last colon divides.
        guard let colon = place.lastIndex(of: ":"), let port = Int(place[place.index(after: colon)...]) else { return }
        let host = String(place[..<colon])
        let hostname = parts.dropFirst().first.map(String.init).flatMap { $0.isEmpty || $0.contains("=") ? nil : $0 }
        let known = [prefersHostname ? hostname : nil, host.isEmpty ? nil : host, hostname].compactMap { $0 }
        guard port > 0, let first = known.first ?? (isMyself ? asked.host : nil) else { return }
        address = RedisAddress(host: first, port: port)
        aliases = known.filter { $0 != first }
        if isMyself, asked.port == port, asked.host != first { aliases.append(asked.host) }
    }

    fileprivate mutating func add(_ text: Substring) throws(RedisError) {
        guard !text.hasPrefix("[") else {
            let parts = text.dropFirst().dropLast().split(separator: ">", maxSplits: 1)
            guard parts.count == 2, parts[0].hasSuffix("-"), parts[1].hasPrefix("-") else { return }
            if let slot = Int(parts[0].dropLast()).flatMap({ HashSlot($0) }) {
                leaving[slot] = String(parts[1].dropFirst())
            }
            return
        }
        let ends = text.split(separator: "-").compactMap { Int($0) }
        guard let first = ends.first, let last = ends.last, first <= last, ends.count <= 2, last < HashSlot.count,
            HashSlot(first) != nil
        else { throw RedisError(.protocolViolation, "CLUSTER NODES named a slot in another form") }
        slots.append(first...last)
    }
}

extension ClusterView {
    /// Reads the answer to `SENTINEL MASTER <name>`, pairs of field and value.
    ///
    /// - Parameter address: the answer to `SENTINEL GET-MASTER-ADDR-BY-NAME <name>`, host and port. A Sentinel that leads a
    ///   failover names the promoted replica there some seconds earlier: as soon as its epoch counts, and before the other
    ///   replicas follow.
    init(sentinel reply: RESPValue, address: RESPValue = .null) throws(RedisError) {
        let values = (reply.array ?? []).map { $0.text ?? "" }
        let pairs = stride(from: 0, to: values.count - 1, by: 2).map { (values[$0], values[$0 + 1]) }
        let fields = Dictionary(pairs) { first, _ in first }
        guard let host = fields["ip"], !host.isEmpty, let port = fields["port"].flatMap({ Int($0) }), port > 0,
            let epoch = fields["config-epoch"].flatMap({ UInt64($0) })
        else { throw RedisError(.protocolViolation, "SENTINEL MASTER was answered in another form") }
        let flags = (fields["flags"] ?? "").split(separator: ",")
        let old = RedisAddress(host: host, port: port)
        let parts = (address.array ?? []).map { $0.text ?? "" }
        let new = parts.count == 2 ? Int(parts[1]).map { RedisAddress(host: parts[0], port: $0) } : nil
        nodes = [
            Node(
                id: fields["runid"] ?? "", address: new ?? old,
                // Until it has changed everything it is asked often.
                isFailing: flags.contains("o_down") || flags.contains("s_down"), epoch: epoch,
                slots: [0...HashSlot.count - 1])
        ]
    }
}
