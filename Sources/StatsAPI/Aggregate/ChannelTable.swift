internal import Wire

/// Names of channels as small numbers, so that a Reader's set is a bit each and not a string.
///
/// An id is held by whoever uses it (a subscription, viewers, publishes), and is free for another name when nobody does.
struct ChannelTable {
    private var ids: [String: Int32] = [:]
    private var names: [String] = []
    private var holders: [Int32] = []
    private var free: [Int32] = []
    private let channelsMax: Int

    init(channelsMax: Int) {
        self.channelsMax = min(channelsMax, Int(Int32.max))
    }

    /// Names in use.
    var count: Int { ids.count }
    /// Above every id in use.
    var idLimit: Int { names.count }

    func id(of name: String) -> Int32? { ids[name] }

    func name(of id: Int32) -> String { names[Int(id)] }

    /// The id of a name for one more holder; `nil` when the name is no channel's, or the table is full.
    mutating func hold(_ name: String) -> Int32? {
        if let id = ids[name] {
            holders[Int(id)] += 1
            return id
        }
        guard ids.count < channelsMax, Channel(name: name) != nil else { return nil }
        let id = free.popLast() ?? Int32(names.count)
        if Int(id) == names.count {
            names.append(name)
            holders.append(1)
        } else {
            names[Int(id)] = name
            holders[Int(id)] = 1
        }
        ids[name] = id
        return id
    }

    /// One holder less.
    mutating func release(_ id: Int32) {
        holders[Int(id)] -= 1
        guard holders[Int(id)] == 0 else { return }
        ids[names[Int(id)]] = nil
        names[Int(id)] = ""
        free.append(id)
    }
}
