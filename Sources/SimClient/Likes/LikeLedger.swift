internal import Audience
internal import DequeModule

/// Who wants what, who has been told that it is so, and what is to be said next. Pure: times are parameters.
///
/// A person goes on to the next step when all copies of the last one are acknowledged. What was refused or not answered
/// is said again until it is; after that the person wants nothing more, since an answer that never came might belong to
/// a request that is still on its way.
struct LikeLedger: Sendable {
    /// One request that is to be sent.
    struct Request: Equatable, Sendable {
        /// Index of the person among those under way.
        var person: Int
        var photo: Int
        var user: Int
        var liked: Bool
        var isDuplicate: Bool
        /// When it was due, monotonic nanoseconds.
        var due: UInt64
    }

    private struct Person {
        var photo: Int
        var user: Int
        var steps: [LikeJourneys.Step]
        var step = 0
        /// Copies of the step that are not acknowledged.
        var missing = 0
        var hadTrouble = false
    }

    let journeys: LikeJourneys
    /// People under way at the same time.
    private let limit: Int
    private var choice: PhotoChoice
    private var people: [Person?] = []
    private var free: [Int] = []
    private var ready: Deque<Request> = []
    /// To be said again, oldest first: the pause is the same for all.
    private var again: Deque<(at: UInt64, request: Request)> = []
    private var users: [Int]
    private var likers: [UserBits]
    private(set) var tally = LikeSwarmReport.Requests()

    init(journeys: LikeJourneys, choice: PhotoChoice, limit: Int) {
        self.journeys = journeys
        self.limit = limit
        self.choice = choice
        users = Array(repeating: 0, count: choice.photos)
        likers = Array(repeating: UserBits(), count: choice.photos)
    }

    var underWay: Int { people.count - free.count }
    var usersStarted: Int { users.reduce(0, +) }

    /// Somebody comes who has not liked the photo before. `false` when too many are under way.
    @discardableResult
    mutating func arrive(now: UInt64) -> Bool {
        tally.offered += 1
        guard underWay < limit else {
            tally.dropped += 1
            return false
        }
        let photo = choice.next()
        let user = users[photo]
        users[photo] += 1
        let person = Person(photo: photo, user: user, steps: journeys.steps(photo: photo, user: user))
        let index = free.popLast() ?? people.count
        if index == people.count { people.append(person) } else { people[index] = person }
        say(index, now: now)
        return true
    }

    private mutating func say(_ index: Int, now: UInt64) {
        guard let person = people[index] else { return }
        let step = person.steps[person.step]
        people[index]?.missing = step.copies
        for copy in 0..<step.copies {
            ready.append(
                Request(
                    person: index, photo: person.photo, user: person.user, liked: step.liked, isDuplicate: copy > 0,
                    due: now))
        }
    }

    /// The next request that may be sent.
    mutating func next(now: UInt64) -> Request? {
        if let first = again.first, first.at <= now {
            again.removeFirst()
            tally.sent += 1
            return first.request
        }
        guard let request = ready.popFirst() else { return nil }
        tally.sent += 1
        return request
    }

    mutating func acknowledged(_ request: Request, now: UInt64) {
        tally.acknowledged += 1
        if request.isDuplicate { tally.duplicates += 1 }
        if !request.liked { tally.unlikes += 1 }
        guard var person = people[request.person] else { return }
        person.missing -= 1
        people[request.person] = person
        guard person.missing == 0 else { return }
        if !person.hadTrouble, person.step + 1 < person.steps.count {
            people[request.person]?.step += 1
            return say(request.person, now: now)
        }
        if request.liked { likers[person.photo].insert(person.user) }
        people[request.person] = nil
        free.append(request.person)
    }

    /// It was refused, or there is no answer: it is said again at `time`, which must not go back from call to call.
    mutating func failed(_ request: Request, wasAnswered: Bool, again time: UInt64) {
        if wasAnswered { tally.refused += 1 } else { tally.unanswered += 1 }
        people[request.person]?.hadTrouble = true
        again.append((time, request))
    }

    /// What must be true now, by the photo's number.
    func truth() -> [LikeSwarmReport.Photo] {
        var unfinished = Array(repeating: UserBits(), count: users.count)
        for case .some(let person) in people { unfinished[person.photo].insert(person.user) }
        return users.indices.map {
            LikeSwarmReport.Photo(users: users[$0], likers: likers[$0], unfinished: unfinished[$0])
        }
    }
}
