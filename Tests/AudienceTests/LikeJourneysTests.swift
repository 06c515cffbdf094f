import Foundation
import Testing

@testable import Audience

struct LikeJourneysTests {
    @Test func theSameSeedMakesTheSameJourneys() {
        let journeys = LikeJourneys(seed: 7, unlikeShare: 0.5, duplicateShare: 0.5)
        let others = LikeJourneys(seed: 8, unlikeShare: 0.5, duplicateShare: 0.5)
        let mine = (0..<200).map { journeys.steps(photo: 1, user: $0) }
        #expect(mine == (0..<200).map { journeys.steps(photo: 1, user: $0) })
        #expect(mine != (0..<200).map { journeys.steps(photo: 2, user: $0) })
        #expect(mine != (0..<200).map { others.steps(photo: 1, user: $0) })
    }

    @Test func sharesAreWhatWasAskedFor() {
        let journeys = LikeJourneys(seed: 1, unlikeShare: 0.2, duplicateShare: 0.1)
        let all = (0..<20_000).map { journeys.steps(photo: 0, user: $0) }
        #expect(all.allSatisfy { $0[0].liked })
        // Likes, unlikes and likes again take turns.
        #expect(all.allSatisfy { steps in steps.indices.allSatisfy { steps[$0].liked == ($0 % 2 == 0) } })
        let unlikes = Double(all.count { $0.count > 1 }) / 20_000
        let again = Double(all.count { $0.count > 2 }) / 20_000
        let twice = Double(all.count { $0[0].copies == 2 }) / 20_000
        #expect(abs(unlikes - 0.2) < 0.015 && abs(again - 0.2 / 3) < 0.01 && abs(twice - 0.1) < 0.01)
        let plain = LikeJourneys(seed: 1, unlikeShare: 0, duplicateShare: 0)
        #expect(plain.steps(photo: 0, user: 3) == [LikeJourneys.Step(liked: true, copies: 1)])
    }

    @Test func theHotPhotoGetsItsShare() {
        var choice = PhotoChoice(photos: 11, hotShare: 0.5, seed: 1)
        var counts = Array(repeating: 0, count: 11)
        for _ in 0..<22_000 { counts[choice.next()] += 1 }
        #expect(abs(counts[0] - 11_000) < 500)
        #expect(counts.dropFirst().allSatisfy { abs($0 - 1_100) < 200 })
        var one = PhotoChoice(photos: 1, hotShare: 0, seed: 1)
        #expect(one.next() == 0)
    }
}

struct UserBitsTests {
    @Test func isASetOfNumbers() throws {
        var bits = UserBits([0, 5, 64, 1_000])
        #expect(bits.count == 4 && bits.contains(64) && !bits.contains(63) && !bits.contains(99_999))
        let (again, anew) = (bits.insert(5), bits.insert(6))
        #expect(!again && anew && bits.count == 5)
        let data = try JSONEncoder().encode(bits)
        #expect(try JSONDecoder().decode(UserBits.self, from: data) == bits)
        #expect(bits.differences(from: UserBits([0, 5, 7])) == 4)
        #expect(UserBits([3]).differences(from: UserBits([3, 500])) == 1 && UserBits() == UserBits())
    }

    @Test(arguments: [("u0", 0), ("u17", 17), ("u", nil), ("u-1", nil), ("u01", nil), ("v1", nil), ("u+1", nil)])
    func onlyNamesOfTheCrowdHaveNumbers(name: String, number: Int?) {
        #expect(LikeSwarmReport.userNumber(name) == number)
        if let number { #expect(LikeSwarmReport.userID(number) == name) }
    }
}
