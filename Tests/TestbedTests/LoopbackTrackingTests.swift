import Testing

@testable import Testbed

struct LoopbackTrackingTests {
    /// With every connection in the table there is room for what is left; without, the table says nothing.
    @Test func roomIsKnownOnlyWhereConnectionsAreTracked() {
        #expect(LoopbackTracking.room(most: 262_144, before: 10, after: 43) == 262_101)
        #expect(LoopbackTracking.room(most: 262_144, before: 10, after: 12) == nil)
        #expect(LoopbackTracking.room(most: 20, before: 10, after: 42) == 0)
    }

    /// Trying it leaves nothing open, and costs no failure on a machine of either kind.
    @Test func tryingItTwiceSaysTheSame() {
        #expect((LoopbackTracking.room() == nil) == (LoopbackTracking.room() == nil))
    }
}
