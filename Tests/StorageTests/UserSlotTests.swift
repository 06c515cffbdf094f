import Storage
import Testing

@Suite struct UserSlotTests {
    @Test func slotsNeverChange() {
        // Written down once: rows and Redis partitions depend on them.
        #expect(["user1", "user2", "", "a"].map { UserSlot.slot(of: $0) } == [811, 563, 959, 522])
    }

    @Test(arguments: [1, 2, 3, 7, 16, 100, 1024]) func partitionsCoverAllSlotsOnce(partitions: Int) {
        let slots = (0..<partitions).flatMap { UserSlot.slots(ofPartition: $0, partitions: partitions) }
        #expect(slots == Array(0..<1024))
        for number in 0..<200 {
            let partition = UserSlot.partition(of: "u\(number)", partitions: partitions)
            #expect(
                UserSlot.slots(ofPartition: partition, partitions: partitions).contains(UserSlot.slot(of: "u\(number)"))
            )
        }
    }

    @Test func usersSpreadEvenly() {
        var counts = Array(repeating: 0, count: 16)
        for number in 0..<16_000 { counts[UserSlot.partition(of: "user\(number)", partitions: 16)] += 1 }
        // Five standard deviations of a binomial distribution.
        #expect(counts.allSatisfy { (850...1150).contains($0) }, "\(counts)")
    }

    @Test func whatDoesNotExistIsEmpty() {
        #expect(UserSlot.slots(ofPartition: 5, partitions: 5).isEmpty)
        #expect(UserSlot.slots(ofPartition: -1, partitions: 5).isEmpty)
        #expect(UserSlot.slots(ofPartition: 0, partitions: 0).count == 1024)
    }
}
