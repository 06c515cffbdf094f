import FoundationEssentials
import ServiceRuntime
import TestSupport
import Testbed
import Testing

@testable import CommentAPI

@Suite struct ConfigurationPageTests {
    /// `make docs` writes the page.
    @Test func thePageSaysWhatTheServiceReads() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/CONFIGURATION.md"), encoding: .utf8)
        let section = ConfigurationTable.markdown(service: "CommentAPI", CommentAPISettings.declarations)
        #expect(page.contains(section))
    }
}

/// `--check-configuration` on a real Redis.
@Suite struct RedisNeedsTests {
    private static let cases: [(rules: [String], problems: [String])] = [
        (["+@all"], []), (["+@all", "-info", "-client"], []),
        (["+@all", "resetchannels"], ["Redis refuses PUBLISH video:v", "Redis refuses PUBLISH post:v"]),
        (
            ["+@all", "-xdel", "-script|load"],
            [
                "Redis refuses SCRIPT LOAD", "Redis refuses XDEL history:{video:v}",
                "Redis refuses XDEL history:{post:v}",
            ]
        ),
    ]

    @Test(arguments: cases)
    func whatTheUserMayNotIsNamed(rules: [String], problems: [String]) async throws {
        try await withRedis { redis in
            for rule in ["on", ">secret", "~*", "&*"] + rules { try redis.command("ACL", "SETUSER", "app", rule) }
            func check(_ password: String) async throws -> [String]? {
                let url = "redis://app:\(password)@127.0.0.1:\(redis.port)"
                return try await CommentAPISettings.read(environment: ["REDIS_URL": url]).redisNeeds?.problems()
            }
            #expect(try await check("secret") == problems)
            let wrong = try #require(try await check("wrong")?.first)
            #expect(wrong.contains("WRONGPASS") && !wrong.contains("wrong@"))
        }
    }
}
