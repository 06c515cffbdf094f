internal import Wire

/// Viewers who come back, by channel. The history of a channel is read by one group at a time; whoever comes meanwhile
/// makes the next group, so that ten thousand viewers of one channel cost some readings and not ten thousand. Pure.
struct ResumeQueue {
    /// Those who wait for a reading of their channel to end; no entry: none is under way.
    private var waiting: [Channel: [Resumption]] = [:]
    private var readings: UInt64 = 0

    /// Viewers that wait for the next reading.
    var count: Int { waiting.values.reduce(0) { $0 + $1.count } }

    /// The group to be read for now, if any.
    mutating func add(_ resumption: Resumption) -> ResumeGroup? {
        guard waiting[resumption.channel] == nil else {
            waiting[resumption.channel]?.append(resumption)
            return nil
        }
        waiting[resumption.channel] = []
        return makeGroup(resumption.channel, [resumption])
    }

    /// A group was served, or given up. The next one of its channel comes back.
    mutating func finished(_ channel: Channel) -> ResumeGroup? {
        guard let members = waiting[channel] else { return nil }
        guard !members.isEmpty else {
            waiting[channel] = nil
            return nil
        }
        waiting[channel] = []
        return makeGroup(channel, members)
    }

    private mutating func makeGroup(_ channel: Channel, _ members: [Resumption]) -> ResumeGroup {
        readings += 2
        return ResumeGroup(channel, members, number: readings)
    }
}
