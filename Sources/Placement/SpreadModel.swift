internal import Glibc

/// The subscriptions that a random placement leads to.
///
/// A channel has n viewers, each on one of R Readers, independent and with equal chance. A Reader misses all of them with
/// probability (1-1/R)^n, so by linearity of expectation R·(1-(1-1/R)^n) Readers subscribe. This is the occupancy problem
/// (W. Feller, "An Introduction to Probability Theory and Its Applications" I, section IV.2), known from databases as
/// Cárdenas' formula (A. Cárdenas, CACM 18(5), 1975). It is exact for any n; nothing is asked of how the channels depend
/// on each other, because expectations add.
///
/// **Why more Readers make it worse.** R·(1-(1-1/R)^n) grows with R towards n: spread falls as n/R at best, and the
/// deliveries for one publish rise until every viewer is on a Reader of its own.
public enum SpreadModel {
    /// Expected Readers with at least one of `viewers` viewers placed at random: R·(1-(1-1/R)^n).
    public static func randomReaders(viewers: Int, readers: Int) -> Double {
        guard viewers > 0, readers > 0 else { return 0 }
        guard readers > 1 else { return 1 }
        return -Double(readers) * expm1(Double(viewers) * log1p(-1 / Double(readers)))
    }

    /// Variance of the same number: R·m + R·(R-1)·q - (R·m)², with m = (1-1/R)^n the chance that a Reader has none of
    /// them, and q = (1-2/R)^n that two given ones have none.
    public static func randomReadersVariance(viewers: Int, readers: Int) -> Double {
        guard viewers > 0, readers > 1 else { return 0 }
        let (count, viewers) = (Double(readers), Double(viewers))
        let none = pow(1 - 1 / count, viewers)
        let neither = pow(1 - 2 / count, viewers)
        return max(0, count * none + count * (count - 1) * neither - count * count * none * none)
    }
}
