import Storage

/// The intents of one call, in the order of arrival, reduced to what Redis has to know; pure.
///
/// Within a batch only the last intent of a user on a photo decides what the set becomes, and whether each single one
/// changed anything follows from who was a member before: so Redis is told each user once.
struct PartBatch {
    struct Group {
        let photo: String
        /// Users whose last intent is a like, then those whose last one is an unlike.
        fileprivate(set) var likes: [String] = []
        fileprivate(set) var unlikes: [String] = []
    }

    private struct Key: Hashable {
        let photo: Int
        let user: String
    }

    private struct Person {
        let group: Int
        let user: String
        var liked: Bool
        /// Place in the list of the group's users as Redis is told them.
        var place = 0
    }

    private(set) var groups: [Group] = []
    /// For each intent: who, as an index.
    private var persons: [Person] = []
    private var personOfIntent: [Int] = []
    private let intents: [LikeIntent]

    init(_ intents: [LikeIntent]) {
        self.intents = intents
        personOfIntent.reserveCapacity(intents.count)
        collect()
        for index in persons.indices { place(index) }
    }

    private mutating func collect() {
        var groupOfPhoto: [String: Int] = [:]
        var personOfKey: [Key: Int] = [:]
        personOfKey.reserveCapacity(intents.count)
        for intent in intents {
            let group = groupOfPhoto[intent.photo] ?? groups.count
            if group == groups.count {
                groups.append(Group(photo: intent.photo))
                groupOfPhoto[intent.photo] = group
            }
            let key = Key(photo: group, user: intent.user)
            let person = personOfKey[key] ?? persons.count
            if person == persons.count {
                persons.append(Person(group: group, user: intent.user, liked: intent.liked))
                personOfKey[key] = person
            } else {
                persons[person].liked = intent.liked
            }
            personOfIntent.append(person)
        }
    }

    private mutating func place(_ index: Int) {
        let person = persons[index]
        if person.liked {
            persons[index].place = groups[person.group].likes.count
            groups[person.group].likes.append(person.user)
        } else {
            persons[index].place = groups[person.group].unlikes.count
            groups[person.group].unlikes.append(person.user)
        }
    }

    /// The most changes that the batch can make.
    var changesMax: Int { persons.count }

    /// What Redis answered for one group.
    enum Answer: Equatable {
        /// Whether each user was a member before, in the order told, and the part after the call.
        case known(wasMember: [Bool], state: PartState)
        /// The set has to be loaded first; what Redis knew of it.
        case unknown(String)
    }

    /// For each intent what became of it; `nil` where the group has to be loaded.
    func outcomes(_ answers: [Answer]) -> [LikeOutcome?] {
        var current = persons.map { person -> Bool in
            guard case .known(let wasMember, _) = answers[person.group] else { return false }
            return wasMember[person.liked ? person.place : groups[person.group].likes.count + person.place]
        }
        return zip(intents, personOfIntent).map { intent, person in
            guard case .known(_, let state) = answers[persons[person].group] else { return nil }
            defer { current[person] = intent.liked }
            return LikeOutcome(changed: current[person] != intent.liked, state: state)
        }
    }

    /// The changes as the stream has them: versions count up from `first` in the order of the script.
    func changes(_ answers: [Answer], first: Int64, at: Int64) -> [LikeChange] {
        var changes: [LikeChange] = []
        var version = first
        for (group, answer) in zip(groups, answers) {
            guard case .known(let wasMember, _) = answer else { continue }
            let wanted = group.likes.map { ($0, true) } + group.unlikes.map { ($0, false) }
            for ((user, liked), was) in zip(wanted, wasMember) where was != liked {
                changes.append(LikeChange(photo: group.photo, user: user, liked: liked, version: version, at: at))
                version += 1
            }
        }
        return changes
    }

    /// Intents of one photo, in order, as indices.
    func intents(ofGroup group: Int) -> [Int] {
        personOfIntent.indices.filter { persons[personOfIntent[$0]].group == group }
    }
}
