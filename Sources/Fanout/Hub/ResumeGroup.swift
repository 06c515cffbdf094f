internal import Broker
internal import Wire

/// Viewers of one channel who come back together: one reading of the history serves them all, from the one that is
/// furthest behind; a second one, from the beginning, those who come from a history that is lost. Pure.
///
/// Sound for all of them: each was attached before the first question is asked, so frames are kept for it.
struct ResumeGroup {
    /// What one viewer gets.
    struct Release {
        let loop: Int
        let command: LoopCommand
    }

    let channel: Channel
    let count: Int
    private var waiting: [Resumption]
    private var reading: HistoryReading
    private var number: UInt64

    /// - Parameter number: of the reading; the next number has to be free too.
    init(_ channel: Channel, _ members: [Resumption], number: UInt64) {
        self.channel = channel
        self.number = number
        count = members.count
        waiting = members
        reading = HistoryReading(after: members.lazy.map(\.position.offset).min() ?? 0)
    }

    /// The history is needed after this offset; `nil`: everybody was served.
    var question: UInt64? { waiting.isEmpty ? nil : reading.question }

    /// Those who have not been served, for when the history cannot be read.
    var unserved: [Release] { waiting.map { Release(loop: $0.loop, command: .abandon($0.id)) } }

    /// The answer to ``question``. Whoever is served by it comes back.
    mutating func take(_ page: HistoryPage) -> [Release] {
        reading.take(page)
        guard reading.isFinished else { return [] }
        let shared = MissedLog.Reading(number: number, bytes: reading.bytes)
        var left: [Resumption] = []
        var releases: [Release] = []
        for resumption in waiting {
            if let missed = reading.missed(after: resumption.position, joinedAt: resumption.joinedAt) {
                releases.append(Self.release(resumption, missed, shared))
            } else {
                left.append(resumption)
            }
        }
        waiting = left
        number += 1
        reading = HistoryReading(after: 0)
        return releases
    }

    private static func release(
        _ resumption: Resumption, _ missed: HistoryReading.Missed, _ shared: MissedLog.Reading
    ) -> Release {
        let log = MissedLog(shared, opening: missed.opening, log: missed.log, closing: missed.closing)
        let rejoin = Rejoin(reached: missed.reached, joinedAt: resumption.joinedAt)
        return Release(loop: resumption.loop, command: .release(resumption.id, missed: log, rejoin: rejoin))
    }
}
