import ArgumentParser
import Testing

@testable import LikeAPI

@Suite struct DeadLettersCommandTests {
    @Test(arguments: [
        ["replay"], ["replay", "--all", "1-0"], ["replay", "x"], ["replay", "1-0-0"], ["list", "--limit", "0"],
        ["list", "--after", "1"], ["list", "--redis-url", "http://x"], ["forget"],
    ])
    func badArgumentsAreAUsageError(_ arguments: [String]) {
        #expect { try DeadLettersCommand.parseAsRoot(arguments) } throws: { error in
            DeadLettersCommand.exitCode(for: error) == .validationFailure
        }
    }

    @Test(arguments: [["replay", "--all"], ["replay", "1-0", "17-3"], ["list"], ["list", "--after", "1-0"]])
    func goodOnesAreTaken(_ arguments: [String]) throws {
        _ = try DeadLettersCommand.parseAsRoot(arguments)
    }
}
