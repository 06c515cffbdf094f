internal import Glibc

/// What a placement costs: predicted by the model, or counted in an assignment.
public struct SpreadOutcome: Codable, Equatable, Sendable {
    public var readers: Int
    /// Channels that somebody watches.
    public var channels: Int
    /// Sum of the Readers' subscriptions.
    public var subscriptions: Double
    /// Mean over the Readers of the part of all channels that one subscribes to; 0 to 1.
    public var spread: Double
    /// How far chance alone carries ``spread`` from its expected value, and one Reader's share from it: standard deviations,
    /// 0 to 1. `nil` where they are not known: for anything but random placement.
    public var deviation: Deviation?
    /// Redis deliveries for one publish, every channel counted alike: subscriptions / channels; from 1 to `readers`.
    public var amplification: Double
    /// The same, every channel counted by its publish rate: Σ rate·readers / Σ rate.
    public var weightedAmplification: Double
    /// Part of the subscriptions that one Reader a channel would not need: 1 - 1/amplification.
    public var wastedShare: Double
    /// Viewers of the fullest Reader over the mean; expected value where it is a model's.
    public var loadMaxOverMean: Double

    /// - Parameters:
    ///   - subscriptions: expected or counted, of all channels.
    ///   - weightedSubscriptions: Σ rate·readers.
    public init(
        readers: Int, channels: Int, subscriptions: Double, weightedSubscriptions: Double, rate: Double,
        loadMaxOverMean: Double
    ) {
        self.readers = readers
        self.channels = channels
        self.subscriptions = subscriptions
        let isEmpty = channels == 0 || readers == 0 || subscriptions == 0
        spread = isEmpty ? 0 : subscriptions / Double(channels) / Double(readers)
        amplification = isEmpty ? 0 : subscriptions / Double(channels)
        weightedAmplification = rate > 0 ? weightedSubscriptions / rate : 0
        wastedShare = isEmpty ? 0 : 1 - Double(channels) / subscriptions
        self.loadMaxOverMean = loadMaxOverMean
    }

    public struct Deviation: Codable, Equatable, Sendable {
        public var spread: Double
        public var share: Double

        public init(spread: Double, share: Double) { (self.spread, self.share) = (spread, share) }

        /// How far the furthest of so many Readers stays from the expected share in all but 1 of 370 runs; 3 standard
        /// deviations for one Reader. Solved by bisection of the normal distribution's tail, erfc(z/√2).
        public func shareLimit(readers: Int) -> Double {
            let tail = erfc(3 / 2.0.squareRoot()) / Double(max(readers, 1))
            var (low, high) = (3.0, 10.0)
            for _ in 0..<60 {
                let middle = (low + high) / 2
                if erfc(middle / 2.0.squareRoot()) > tail { low = middle } else { high = middle }
            }
            return high * share
        }
    }
}
