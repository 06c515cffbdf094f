import Storage
import Testing

@Suite struct UserSlotTests {
    @Test func slotsNeverChange() {
        // Written down once: rows and Redis parts on disk depend on them.
        #expect(["user1", "user2", "", "a"].map { UserSlot.slot(of: $0) } == [811, 563, 959, 522])
    }

    @Test(arguments: [1, 2, 3, 7, 16, 100, 1024]) func partsCoverAllSlotsOnce(parts: Int) {
        let slots = (0..<parts).flatMap { UserSlot.slots(ofPart: $0, parts: parts) }
        #expect(slots == Array(0..<1024))
        for number in 0..<200 {
            let part = UserSlot.part(of: "u\(number)", parts: parts)
            #expect(UserSlot.slots(ofPart: part, parts: parts).contains(UserSlot.slot(of: "u\(number)")))
        }
    }

    @Test func usersSpreadEvenly() {
        var counts = Array(repeating: 0, count: 16)
        for number in 0..<16_000 { counts[UserSlot.part(of: "user\(number)", parts: 16)] += 1 }
        // Five standard deviations of a binomial distribution.
        #expect(counts.allSatisfy { (850...1150).contains($0) }, "\(counts)")
    }

    @Test func whatDoesNotExistIsEmpty() {
        #expect(UserSlot.slots(ofPart: 5, parts: 5).isEmpty)
        #expect(UserSlot.slots(ofPart: -1, parts: 5).isEmpty)
        #expect(UserSlot.slots(ofPart: 0, parts: 0).count == 1024)
    }
}
