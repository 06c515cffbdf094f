/// What others know of a Reader: its last announcement.
public struct ReaderView: Equatable, Sendable {
    public let id: String
    public var connections: Int
    public var isDraining: Bool
    /// Names of the channels that take no more viewers there.
    public var fullChannels: Set<String>

    public init(id: String, connections: Int = 0, isDraining: Bool = false, fullChannels: Set<String> = []) {
        self.id = id
        self.connections = max(0, connections)
        self.isDraining = isDraining
        self.fullChannels = fullChannels
    }
}

/// All Readers as one process knows them, ready to be asked for a channel's place.
///
/// Built once for every new set of announcements. It may be stale: a wrong place costs a subscription, nothing else.
public struct ReaderViews: Equatable, Sendable {
    /// Sorted by id; of two announcements with one id the later one counts.
    public private(set) var readers: [ReaderView]
    let hashes: [UInt64]
    /// Connections of all Readers, of those that drain too: their viewers are about to come.
    public private(set) var connections: Int
    /// Readers that take viewers.
    public let open: Int
    /// Connections below which a Reader fills up still, by the numbers that were announced. The median, not the mean: one
    /// Reader that has far too many must not make all others look new.
    private let settledMin: Int

    public init(_ announced: some Sequence<ReaderView>) {
        var byID: [String: ReaderView] = [:]
        for reader in announced { byID[reader.id] = reader }
        let sorted = byID.values.sorted { $0.id < $1.id }
        readers = sorted
        hashes = sorted.map { StableHash.of($0.id) }
        connections = sorted.reduce(0) { $0 + $1.connections }
        let loads = sorted.filter { !$0.isDraining }.map(\.connections).sorted()
        open = loads.count
        settledMin = loads.isEmpty ? 0 : loads[loads.count / 2] * 3 / 4
    }

    /// Mean number of connections over the Readers that take viewers; 0 without one.
    public var mean: Double { open == 0 ? 0 : Double(connections) / Double(open) }

    /// Mean number of connections that a Reader with a usual number of viewers is measured by, the next viewer included.
    ///
    /// A Reader with less than three quarters of the median has joined and fills up: those who are connected elsewhere
    /// stay there. Counted in, it would put every other Reader of a small system over the bound at once, and most channels
    /// would change their place for one Reader more. Hot channels give way to it all the same: they go by ``mean``.
    var settledMean: Double {
        let settled = readers.lazy.filter { $0.isDraining || $0.connections >= settledMin }
        let sum = settled.reduce(1) { $0 + $1.connections }
        return Double(sum) / Double(max(settled.count { !$0.isDraining }, 1))
    }

    public subscript(id: String) -> ReaderView? { index(of: id).map { readers[$0] } }

    /// Counts viewers that were placed on `id` since the announcements, so that a burst is not sent to one Reader.
    public mutating func placed(_ viewers: Int = 1, on id: String) {
        guard let index = index(of: id) else { return }
        readers[index].connections += viewers
        connections += viewers
    }

    /// Takes `channel` as full on `id` until the next announcements.
    public mutating func filled(_ channel: String, on id: String) {
        guard let index = index(of: id) else { return }
        readers[index].fullChannels.insert(channel)
    }

    /// The same Readers with `id` taking no viewers; one that was not announced is there afterwards.
    public func closing(_ id: String) -> ReaderViews {
        var own = self[id] ?? ReaderView(id: id)
        own.isDraining = true
        return ReaderViews(readers.filter { $0.id != id } + [own])
    }

    func index(of id: String) -> Int? {
        var low = 0
        var high = readers.count
        while low < high {
            let middle = (low + high) / 2
            if readers[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < readers.count && readers[low].id == id ? low : nil
    }
}
