/// Waits until `condition` holds, looking every few milliseconds.
///
/// A condition that throws does not hold yet.
///
/// - Returns: whether it came to hold within `seconds`; use it in an expectation.
public func eventually(
    within seconds: Double = 10, isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Bool
) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
        if (try? await condition()) == true { return true }
        // A cancelled wait looks again at once, until its time is up.
        try? await Task.sleep(for: .milliseconds(5))
    }
    return (try? await condition()) == true
}
