extension RunReport {
    /// How far the subscriptions spread over the Readers: measured, and as the model predicts for the same audience.
    struct Spread: Codable, Equatable, Sendable {
        /// Channels with a subscription.
        var channels: Int
        /// Sum of the Readers' subscriptions, as they report them.
        var subscriptions: Int
        /// Redis's own count of the same.
        var redisSubscriptions: Int?
        var meanShare: Double
        var minShare: Double
        var maxShare: Double
        /// Redis deliveries for one publish.
        var amplification: Double
        /// The same, weighted by what was published on each channel.
        var weightedAmplification: Double?
        /// 1 - 1 / amplification.
        var wastedShare: Double
        var predicted: Prediction?
    }

    /// The model's numbers; where the placement has no closed form, counted in a simulation of it.
    struct Prediction: Codable, Equatable, Sendable {
        var share: Double
        var amplification: Double
        var weightedAmplification: Double
        var wastedShare: Double
        /// `formula` or `simulation`.
        var source: String
    }

    /// What the private Redis says of itself.
    struct RedisFigures: Codable, Equatable, Sendable {
        var version: String
        /// While all viewers are connected.
        var usedMemoryBytes: Int
        var peakMemoryBytes: Int
        /// From the start of publishing to its end.
        var commandsWhilePublishing: Int
        var cpuSecondsWhilePublishing: Double
        /// Subscribers that Redis cut because they lagged.
        var subscribersCut: Int
    }
}
