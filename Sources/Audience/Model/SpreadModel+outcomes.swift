internal import Glibc
public import Placement

/// Closed forms for the subscriptions that the other placements lead to, and the outcome of each.
///
/// **Dealt out.** Round-robin, and least connections while nobody leaves, give every Reader the same number of viewers.
/// Viewers of different channels come mixed, so a Reader holds a random hand of h = V/R of all V viewers, and misses a
/// channel with probability C(V-n, h) / C(V, h) (S. B. Yao, CACM 20(4), 1977). For n ≪ V this is (1-1/R)^n again: the
/// balanced load buys nothing.
///
/// **Rendezvous.** One Reader a channel: R·(1/R) = 1. What it costs is balance, see ``LoadImbalance``.
extension SpreadModel {
    /// Expected Readers with at least one of `viewers` viewers of a channel when all `total` viewers are dealt out in
    /// equal hands: Σ over the Readers of 1 - C(V-n, h) / C(V, h). Hands differ by one where R does not divide V.
    public static func dealtReaders(viewers: Int, total: Int, readers: Int) -> Double {
        guard viewers > 0, readers > 0, total >= viewers else { return 0 }
        let hand = total / readers
        let larger = total % readers
        let missed =
            Double(larger) * missProbability(viewers: viewers, total: total, hand: hand + 1)
            + Double(readers - larger) * missProbability(viewers: viewers, total: total, hand: hand)
        return Double(readers) - missed
    }

    /// C(V-n, h) / C(V, h).
    static func missProbability(viewers: Int, total: Int, hand: Int) -> Double {
        guard viewers + hand <= total else { return 0 }
        guard hand > 0 else { return 1 }
        // Symmetric in n and h: the shorter product, and logarithms of factorials where both are long.
        let (factors, other) = (min(viewers, hand), max(viewers, hand))
        if factors <= 256 {
            var product = 1.0
            for step in 0..<factors { product *= Double(total - other - step) / Double(total - step) }
            return product
        }
        let logarithm =
            logFactorial(total - viewers) - logFactorial(total - viewers - hand) - logFactorial(total)
            + logFactorial(total - hand)
        return exp(min(0, logarithm))
    }

    private static func logFactorial(_ number: Int) -> Double {
        let (value, _): (Double, Int) = lgamma(Double(number) + 1)
        return value
    }

    /// The expected outcome of `strategy`; `nil` for `overflow`, which has no closed form (see ``Assignment``).
    public static func predict(_ strategy: PlacementStrategy, sizes: ChannelSizes, readers: Int) -> SpreadOutcome? {
        switch strategy {
        case .random: random(sizes: sizes, readers: readers)
        case .roundRobin, .leastConnections: dealt(sizes: sizes, readers: readers)
        case .rendezvous: rendezvous(sizes: sizes, readers: readers)
        case .overflow: nil
        }
    }

    /// Random placement: every channel by ``randomReaders(viewers:readers:)``.
    public static func random(sizes: ChannelSizes, readers: Int) -> SpreadOutcome {
        let load = LoadImbalance.maxOverMean(pieces: Double(sizes.viewers), readers: readers)
        var random = outcome(sizes: sizes, readers: readers, loadMaxOverMean: load) {
            randomReaders(viewers: $0, readers: readers)
        }
        random.deviation = deviation(sizes: sizes, readers: readers)
        return random
    }

    /// Of random placement. Channels do not depend on each other, so variances add: of a Reader's share p·(1-p) a channel,
    /// p being its chance to have a viewer of it; of the mean those of ``randomReadersVariance(viewers:readers:)``.
    private static func deviation(sizes: ChannelSizes, readers: Int) -> SpreadOutcome.Deviation? {
        guard sizes.channels > 0, readers > 0 else { return nil }
        var (mean, share) = (0.0, 0.0)
        for group in sizes.groups {
            let chance = randomReaders(viewers: group.viewers, readers: readers) / Double(readers)
            share += Double(group.channels) * chance * (1 - chance)
            mean += Double(group.channels) * randomReadersVariance(viewers: group.viewers, readers: readers)
        }
        let channels = Double(sizes.channels)
        return SpreadOutcome.Deviation(
            spread: mean.squareRoot() / (channels * Double(readers)), share: share.squareRoot() / channels)
    }

    /// Round-robin and least connections: every channel by ``dealtReaders(viewers:total:readers:)``.
    public static func dealt(sizes: ChannelSizes, readers: Int) -> SpreadOutcome {
        let mean = Double(sizes.viewers) / Double(max(readers, 1))
        let load = mean > 0 ? mean.rounded(.up) / mean : 0
        return outcome(sizes: sizes, readers: readers, loadMaxOverMean: load) {
            dealtReaders(viewers: $0, total: sizes.viewers, readers: readers)
        }
    }

    /// Rendezvous: one Reader a channel; the load is the expected one over all namings of Readers and channels.
    public static func rendezvous(sizes: ChannelSizes, readers: Int) -> SpreadOutcome {
        let load = LoadImbalance.rendezvous(sizes: sizes, readers: readers)
        return outcome(sizes: sizes, readers: readers, loadMaxOverMean: load) { _ in readers > 0 ? 1 : 0 }
    }

    private static func outcome(
        sizes: ChannelSizes, readers: Int, loadMaxOverMean: Double, readersOfChannel: (Int) -> Double
    ) -> SpreadOutcome {
        var subscriptions = 0.0
        var weighted = 0.0
        for group in sizes.groups {
            let expected = readersOfChannel(group.viewers)
            subscriptions += expected * Double(group.channels)
            // Comments follow viewers.
            weighted += expected * Double(group.channels * group.viewers)
        }
        return SpreadOutcome(
            readers: readers, channels: sizes.channels, subscriptions: subscriptions, weightedSubscriptions: weighted,
            rate: Double(sizes.viewers), loadMaxOverMean: loadMaxOverMean)
    }
}
