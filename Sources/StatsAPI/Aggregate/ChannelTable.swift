internal import Wire

/// Names of channels as small numbers, so that a channel is a bit of a Reader's set and not a string.
///
/// Ids are counted by reference (subscriptions, viewers, publishes); one without references may get another name.
/// The sums over all Readers stand beside the names, so that nobody has to walk through the sets of 90,000 channels.
struct ChannelTable {
    private var ids: [String: Int] = [:]
    private var names: [String] = []
    private var references: [Int] = []
    /// Readers that are subscribed to each channel, by id.
    private(set) var readers: [Int32] = []
    /// Viewers of each channel, by id.
    private(set) var viewers: [Int] = []
    private var free: [Int] = []
    private let channelsMax: Int

    init(channelsMax: Int) {
        self.channelsMax = channelsMax
    }

    /// Names in use.
    var count: Int { ids.count }
    /// Above every id in use.
    var idLimit: Int { names.count }

    func id(of name: String) -> Int? { ids[name] }

    func name(of id: Int) -> String { names[id] }

    /// The id of a name, with one reference more; `nil` for an invalid name or when the table is full.
    mutating func hold(_ name: String) -> Int? {
        if let id = ids[name] {
            references[id] += 1
            return id
        }
        guard ids.count < channelsMax, Channel(name: name) != nil else { return nil }
        let id = free.popLast() ?? names.count
        if id == names.count {
            names.append(name)
            references.append(1)
            readers.append(0)
            viewers.append(0)
        } else {
            names[id] = name
            references[id] = 1
        }
        ids[name] = id
        return id
    }

    /// One reference less.
    mutating func release(_ id: Int) {
        references[id] -= 1
        guard references[id] == 0 else { return }
        ids[names[id]] = nil
        names[id] = ""
        free.append(id)
    }

    /// Readers more, or fewer, that are subscribed to a channel.
    mutating func countReaders(_ change: Int32, of id: Int) { readers[id] += change }

    /// Viewers more, or fewer, of a channel.
    mutating func countViewers(_ change: Int, of id: Int) { viewers[id] += change }
}
