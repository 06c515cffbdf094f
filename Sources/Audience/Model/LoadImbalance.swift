internal import Glibc

/// How full the fullest Reader gets.
///
/// N equal pieces of load fall on R Readers at random: the loads are multinomial with mean m = N/R, variance
/// m·(1-1/R) and correlation -1/(R-1). In the normal limit load i is m + √m·(Zᵢ - Z̄) with R independent standard
/// normals, so E[max] = m + √m·E[max Zᵢ], and
///
///     E[max/mean] = 1 + √(R/N) · E[max of R standard normals].
///
/// For random placement the pieces are the V viewers. For rendezvous they are channels of unequal size: the variance of
/// a load is (1/R)(1-1/R)·Σn², the same as with N = V²/Σn² pieces, the *effective number of channels*. With Zipf 1.0
/// and 90,000 channels that is fewer than a hundred, however many viewers there are: rendezvous alone cannot balance.
/// A normal limit does not hold when one channel is most of the load, so the largest channel is a bound from below.
public enum LoadImbalance {
    /// Expected load of the fullest of R Readers over the mean, for N equal pieces placed at random; at least 1.
    public static func maxOverMean(pieces: Double, readers: Int) -> Double {
        guard pieces > 0, readers > 0 else { return 0 }
        return 1 + (Double(readers) / pieces).squareRoot() * expectedMaximumOfNormals(readers)
    }

    /// The same for whole channels; never below what the largest channel alone brings.
    public static func rendezvous(sizes: ChannelSizes, readers: Int) -> Double {
        guard sizes.viewers > 0, readers > 0 else { return 0 }
        let viewers = Double(sizes.viewers)
        let largest = Double(sizes.groups.last?.viewers ?? 0) * Double(readers) / viewers
        return max(largest, maxOverMean(pieces: effectiveChannels(sizes), readers: readers))
    }

    /// V² / Σn²: the number of equal channels that would be as hard to balance; from 1 to the number of channels.
    public static func effectiveChannels(_ sizes: ChannelSizes) -> Double {
        sizes.squaredViewers > 0 ? Double(sizes.viewers) * Double(sizes.viewers) / sizes.squaredViewers : 0
    }

    /// E[max] of `count` independent standard normals: ∫₀^∞ (1-Φ(x)^R) dx - ∫₋∞^0 Φ(x)^R dx.
    ///
    /// Trapezoids of 1/64 from -8 to 8: what lies outside is below 1e-12 for any number of Readers that exists.
    static func expectedMaximumOfNormals(_ count: Int) -> Double {
        guard count > 1 else { return 0 }
        let step = 1.0 / 64
        var integral = 0.0
        for index in -512...512 {
            let position = Double(index) * step
            let below = pow(0.5 * erfc(-position * 0.5.squareRoot()), Double(count))
            if index < 0 {
                integral -= below
            } else if index > 0 {
                integral += 1 - below
            } else {
                // The integrand jumps by 1 at 0; half of each side belongs to this point.
                integral += 0.5 * (1 - below) - 0.5 * below
            }
        }
        return integral * step
    }
}
