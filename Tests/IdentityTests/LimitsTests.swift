import Testing

@testable import Identity

@Suite struct LimitsTests {
    @Test func settings() throws {
        let limits = try #require(
            Limits(parsing: "comments:user=5/60 likes:user=off reads:address=9/1", changing: .standard))
        #expect(limits[.comments, .user] == Rate(5, per: 60) && limits[.comments, .user]?.interval == 12_000_000)
        #expect(limits[.likes, .user] == nil && limits[.reads, .address] == Rate(9, per: 1))
        #expect(limits[.login, .account] == Limits.standard[.login, .account])
        #expect(Limits(parsing: "off", changing: .standard) == Limits())
        #expect(Limits(parsing: "", changing: .standard) == .standard)
        #expect(!Limits().concern(.comments) && Limits.standard.concern(.comments))
    }

    @Test(arguments: [
        "x", "comments", "comments:user", "comments:user=", "comments:user=5", "comments:user=5/0", "comments:user=0/5",
        "comments:user=5/60/1", "comments:user=-5/60", "comments:user=1000001/1", "comments:everybody=1/1",
        "films:user=1/1",
        "comments:user=1/1,likes:user=1/1", "off comments:user=1/1", "reads:channel=1/1", "comments:account=1/1",
        "comments:account_address=1/1", "tokens:user=1/1", "tokens:account=1/1",
        "a=b=c",
        "comments:user:x=1/1", "comments:user=1.5/1",
    ])
    func unreadable(text: String) {
        #expect(Limits(parsing: text, changing: .standard) == nil)
    }
}
