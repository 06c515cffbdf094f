/// What a loop reports to the hub: gathered during a turn, told once.
struct LoopReport: Sendable {
    struct Departure: Sendable {
        let topics: [TopicID]
        let reason: DisconnectReason
    }

    var departures: [Departure] = []
    var events = 0
    var writes = 0
    var conflated = 0

    var isEmpty: Bool { departures.isEmpty && events == 0 && writes == 0 && conflated == 0 }
}
