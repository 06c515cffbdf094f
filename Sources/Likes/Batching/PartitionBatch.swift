import Storage

/// The intents of one call, in the order of arrival, reduced to what Redis has to know; pure.
///
/// Within a batch only the last intent of a user on a photo decides what the set becomes, and whether each single one
/// changed anything follows from who was a member before: so Redis is sent each user once.
struct PartitionBatch {
    struct Group {
        let photo: String
        /// Users whose last intent is a like, then those whose last one is an unlike.
        fileprivate(set) var likes: [String] = []
        fileprivate(set) var unlikes: [String] = []
    }

    private struct Key: Hashable {
        let group: Int
        let user: String
    }

    /// What one user wants for one photo.
    private struct Member {
        let group: Int
        let user: String
        var liked: Bool
        /// Place in the group's list of likes or of unlikes.
        var place = 0
    }

    private(set) var groups: [Group] = []
    private var members: [Member] = []
    /// For each intent its member, as an index.
    private var memberOfIntent: [Int] = []
    private let intents: [LikeIntent]

    init(_ intents: [LikeIntent]) {
        self.intents = intents
        memberOfIntent.reserveCapacity(intents.count)
        collect()
        for index in members.indices { place(index) }
    }

    private mutating func collect() {
        var groupOfPhoto: [String: Int] = [:]
        var memberOfKey: [Key: Int] = [:]
        memberOfKey.reserveCapacity(intents.count)
        for intent in intents {
            let group = groupOfPhoto[intent.photo] ?? groups.count
            if group == groups.count {
                groups.append(Group(photo: intent.photo))
                groupOfPhoto[intent.photo] = group
            }
            let key = Key(group: group, user: intent.user)
            let member = memberOfKey[key] ?? members.count
            if member == members.count {
                members.append(Member(group: group, user: intent.user, liked: intent.liked))
                memberOfKey[key] = member
            } else {
                members[member].liked = intent.liked
            }
            memberOfIntent.append(member)
        }
    }

    private mutating func place(_ index: Int) {
        let member = members[index]
        if member.liked {
            members[index].place = groups[member.group].likes.count
            groups[member.group].likes.append(member.user)
        } else {
            members[index].place = groups[member.group].unlikes.count
            groups[member.group].unlikes.append(member.user)
        }
    }

    var count: Int { intents.count }

    /// The most changes that the batch can make.
    var changesMax: Int { members.count }

    /// What Redis answered for one group.
    enum Answer: Equatable {
        /// Whether each user was a member before, in the order sent, and the partition after the call.
        case known(wasMember: [Bool], state: PartitionState)
        /// The set has to be loaded first.
        case unknown
    }

    /// For each intent what became of it; `nil` where the group has to be loaded.
    func outcomes(_ answers: [Answer]) -> [LikeOutcome?] {
        var current = members.map { member -> Bool in
            guard case .known(let wasMember, _) = answers[member.group] else { return false }
            return wasMember[member.liked ? member.place : groups[member.group].likes.count + member.place]
        }
        return zip(intents, memberOfIntent).map { intent, member in
            guard case .known = answers[members[member].group] else { return nil }
            defer { current[member] = intent.liked }
            return LikeOutcome(changed: current[member] != intent.liked)
        }
    }

    /// Each user of each group that was known, in the order of the script: what is wanted, and what had been.
    func wantedStates(_ answers: [Answer]) -> [(photo: String, user: String, liked: Bool, was: Bool)] {
        zip(groups, answers).flatMap { group, answer -> [(photo: String, user: String, liked: Bool, was: Bool)] in
            guard case .known(let wasMember, _) = answer else { return [] }
            return zip(group.likes + group.unlikes, wasMember).enumerated().map { index, wanted in
                (group.photo, wanted.0, index < group.likes.count, wanted.1)
            }
        }
    }

    /// The changes as the stream has them: versions count up from `first` in the order of the script.
    func changes(_ answers: [Answer], first: Int64, at: Int64) -> [LikeChange] {
        wantedStates(answers).filter { $0.liked != $0.was }.enumerated().map { index, wanted in
            LikeChange(
                photo: wanted.photo, user: wanted.user, liked: wanted.liked, version: first + Int64(index), at: at)
        }
    }

    /// What the answers say about the photos' partitions.
    ///
    /// - Parameter identity: of the data, see ``PartitionStore/Reading/identity(_:)``.
    func updates(_ answers: [Answer], partition: Int, identity: String) -> [PartitionUpdate] {
        zip(groups, answers).compactMap { group, answer in
            guard case .known(let wasMember, let state) = answer else { return nil }
            let changed =
                wasMember.prefix(group.likes.count).contains(false)
                || wasMember.dropFirst(group.likes.count).contains(true)
            return PartitionUpdate(
                photo: group.photo, partition: partition, state: state, identity: identity, changed: changed)
        }
    }

    /// Intents of one photo, in order, as indices.
    func intents(ofGroup group: Int) -> [Int] {
        memberOfIntent.indices.filter { members[memberOfIntent[$0]].group == group }
    }
}

/// A photo's partition as a call has just left it.
struct PartitionUpdate: Sendable {
    let photo: String
    let partition: Int
    let state: PartitionState
    let identity: String
    let changed: Bool
}
