/// Numbers as they stand in tables and sentences, without a locale; `-` for what is not known or no number.
public enum Format {
    /// `value` with this many decimals (0 to 9), rounded to nearest.
    public static func decimal(_ value: Double?, _ decimals: Int) -> String {
        guard let value else { return "-" }
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (abs(value) * scale).rounded()
        guard scaled < 9e15 else { return "-" }
        let whole = Int(scaled) / Int(scale)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0 else { return sign + String(whole) }
        let fraction = String(Int(scaled) % Int(scale))
        return sign + String(whole) + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }

    /// No more digits than needed: 20, 0.5.
    public static func plain(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
    }

    /// `0.8234` as `82.3%`.
    public static func percent(_ share: Double?, _ decimals: Int = 1) -> String {
        share.map { decimal($0 * 100, decimals) + "%" } ?? "-"
    }

    /// `1234567` as `1,234,567`.
    public static func grouped(_ number: Int?) -> String {
        guard let number else { return "-" }
        let digits = String(number.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return number < 0 ? "-" + text : text
    }

    /// Milliseconds: two decimals below ten, one below a hundred.
    public static func milliseconds(_ value: Double?) -> String {
        decimal(value, (value ?? 0) < 10 ? 2 : (value ?? 0) < 100 ? 1 : 0)
    }

    /// In the unit that leaves one to four digits before the point.
    public static func bytes(_ number: Double) -> String {
        if number >= 1_073_741_824 { return decimal(number / 1_073_741_824, 2) + " GiB" }
        if number >= 1_048_576 { return decimal(number / 1_048_576, 1) + " MiB" }
        return number < 1_000
            ? decimal(number, number == number.rounded() ? 0 : 1) + " B" : decimal(number / 1_024, 1) + " KiB"
    }

    /// `bytes` of a whole number.
    public static func bytes(_ number: Int) -> String { bytes(Double(number)) }
}
