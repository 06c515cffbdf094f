import Audience
import Testing

@testable import Placement

/// Who has another place after a Reader came or went, measured over 20,000 channels.
@Suite struct MovedShareTests {
    static let channels = (0..<20_000).map { "video:v\($0)" }

    func places(_ strategy: PlacementStrategy, _ readers: [String]) -> [String] {
        let policy = PlacementPolicy(strategy)
        let views = ReaderViews(readers.map { ReaderView(id: $0, connections: 1_000) })
        return Self.channels.map { policy.choose(for: $0, in: views)?.id ?? "" }
    }

    @Test(arguments: [PlacementStrategy.rendezvous, .overflow], [3, 6, 14])
    func aReaderThatJoinsTakesItsShareAndNothingElseMoves(_ strategy: PlacementStrategy, _ count: Int) {
        let names = AssignmentSimulation.readerNames(count + 1)
        let before = places(strategy, Array(names.dropLast()))
        let after = places(strategy, names)
        let moved = zip(before, after).filter { $0 != $1 }
        let share = Double(moved.count) / Double(before.count)
        let expected = 1 / Double(count + 1)
        #expect(abs(share - expected) < 0.1 * expected, "moved \(share), 1/R is \(expected)")
        #expect(moved.allSatisfy { $1 == names[count] })
    }

    @Test(arguments: [PlacementStrategy.rendezvous, .overflow], [3, 6, 14])
    func aReaderThatLeavesMovesItsOwnAndNobodyElse(_ strategy: PlacementStrategy, _ count: Int) {
        let names = AssignmentSimulation.readerNames(count)
        let before = places(strategy, names)
        let after = places(strategy, Array(names.dropFirst()))
        let moved = zip(before, after).filter { $0 != $1 }
        let share = Double(moved.count) / Double(before.count)
        let expected = 1 / Double(count)
        #expect(abs(share - expected) < 0.1 * expected, "moved \(share), 1/R is \(expected)")
        #expect(moved.allSatisfy { $0.0 == names[0] })
    }

    /// Loads as they are, and a new Reader without any: the old ones must not all be over the bound for it.
    @Test(arguments: [3, 4, 6, 14]) func aNewReaderIsNoReasonToLeaveTheOthers(_ count: Int) {
        let names = AssignmentSimulation.readerNames(count + 1)
        let loads = [1_000, 1_180, 850, 1_100, 930]
        let old = names.dropLast().enumerated().map { ReaderView(id: $1, connections: loads[$0 % loads.count]) }
        func places(_ views: ReaderViews) -> [String] {
            Self.channels.map { PlacementPolicy(.overflow).choose(for: $0, in: views)?.id ?? "" }
        }
        let before = places(ReaderViews(old))
        for connections in [0, 150, 600] {
            let after = places(ReaderViews(old + [ReaderView(id: names[count], connections: connections)]))
            let moved = zip(before, after).filter { $0 != $1 }
            let share = Double(moved.count) / Double(before.count)
            let expected = 1 / Double(count + 1)
            #expect(abs(share - expected) < 0.1 * expected, "moved \(share), 1/R is \(expected)")
            #expect(moved.allSatisfy { $1 == names[count] })
        }
    }
}
