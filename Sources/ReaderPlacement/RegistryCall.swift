package import Placement
internal import Primitives
package import RedisNIO
internal import Wire

/// The one call of the registry: writes the own entry and reads all. Pure.
///
/// The registry is a hash, a field for each Reader: `<deadline> <session> <announcement>`. The deadline is by the clock
/// of Redis, so the Readers' clocks do not matter. An entry past its deadline is removed by whoever sees it first. An
/// entry of another session that is still alive is not overwritten: of two Readers with one id the later one stays out.
package struct RegistryCall {
    package static let key = "readers"
    /// Entries beyond these are ignored, and counted as garbage.
    package static let readersMax = 1_024

    package let id: String
    package let session: String

    /// - Parameter lifetime: the entry's; zero takes it away.
    package func arguments(_ announcement: ReaderAnnouncement, lifetime: Duration) throws -> [[UInt8]] {
        [
            Array(id.utf8), Array(session.utf8), Array(String(lifetime.milliseconds).utf8), try announcement.encoded(),
        ]
    }

    package func snapshot(from reply: RESPValue) throws -> RegistrySnapshot {
        guard let items = reply.array, let holder = items.first?.text else { throw UnknownForm() }
        var snapshot = RegistrySnapshot()
        snapshot.holder = holder.isEmpty ? nil : holder
        guard items.count > 1, let time = items[1].text.flatMap({ Int($0) }), time >= 0 else { throw UnknownForm() }
        snapshot.serverMilliseconds = time
        for index in stride(from: 2, to: items.count - 1, by: 2) {
            guard let id = items[index].text, let value = items[index + 1].bytes, Identifier.isValid(id),
                snapshot.readers.count < Self.readersMax, let announcement = Self.announcement(value)
            else {
                snapshot.garbage += 1
                continue
            }
            snapshot.readers[id] = announcement
        }
        return snapshot
    }

    /// The part behind deadline and session.
    private static func announcement(_ value: [UInt8]) -> ReaderAnnouncement? {
        let parts = value.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return ReaderAnnouncement(parsing: parts[2])
    }

    package struct UnknownForm: Error, CustomStringConvertible {
        package let description = "the registry was answered in another form"

        package init() {}
    }

    // No Reader writes deadlines far ahead: the server's clock was set back, or another program wrote them.
    package static let script = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local holder = ''
        local own = redis.call('HGET', KEYS[1], ARGV[1])
        if own then
          local deadline, session = string.match(own, '^(%d+) (%w+) ')
          deadline = tonumber(deadline)
          if deadline and session ~= ARGV[2] and deadline > now and deadline < now + 3600000 then
            holder = session .. ' ' .. string.format('%.0f', deadline)
          end
        end
        if holder == '' then
          local entry = string.format('%.0f', now + ARGV[3]) .. ' ' .. ARGV[2] .. ' ' .. ARGV[4]
          redis.call('HSET', KEYS[1], ARGV[1], entry)
          redis.call('PEXPIRE', KEYS[1], 86400000)
        end
        local answer = {holder, string.format('%.0f', now)}
        local entries = redis.call('HGETALL', KEYS[1])
        for index = 1, #entries, 2 do
          local deadline = tonumber((string.match(entries[index + 1], '^(%d+) %w+ ')))
          if deadline and (deadline <= now or deadline > now + 3600000) then
            redis.call('HDEL', KEYS[1], entries[index])
          else
            answer[#answer + 1] = entries[index]
            answer[#answer + 1] = entries[index + 1]
          end
        end
        return answer
        """)
}

/// All Readers at one moment.
package struct RegistrySnapshot: Equatable, Sendable {
    package var readers: [String: ReaderAnnouncement] = [:]
    /// Entries that are no announcements.
    package var garbage = 0
    /// The clock of Redis, since 1970.
    package var serverMilliseconds = 0
    /// Another process that holds this Reader's id: its session and its deadline.
    package var holder: String?

    /// Readers that viewers may be sent to.
    package var views: [ReaderView] {
        readers.compactMap { id, announcement in announcement.url == nil ? nil : announcement.view(id: id) }
    }
}
