/// How busy the generator was while it was measured, and whether that makes its figures its own.
struct LoadWindow: Equatable, Sendable {
    static let busyShareMax = 0.9
    static let lateShareMax = 0.01

    var seconds: Double
    /// Busy time of the viewers' loop and of the publisher's.
    var viewersBusySeconds: Double
    var publisherBusySeconds: Double
    /// Ticks of the viewers' loop, and those that came more than 100 ms late.
    var ticks: Int
    var lateTicks: Int

    var viewersBusyShare: Double { seconds > 0 ? min(viewersBusySeconds / seconds, 1) : 0 }
    var publisherBusyShare: Double { seconds > 0 ? min(publisherBusySeconds / seconds, 1) : 0 }
    /// Of the busier loop: the one that would be the bottleneck.
    var busyShare: Double { max(viewersBusyShare, publisherBusyShare) }

    /// The generator was the bottleneck: a loop had hardly a pause, or did not keep its times.
    var isLimit: Bool {
        busyShare > LoadWindow.busyShareMax || Double(lateTicks) > LoadWindow.lateShareMax * Double(max(ticks, 1))
    }
}
