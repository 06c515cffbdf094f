import Audience

/// Numbers as people read them, beside ``Figure``.
enum Format {
    /// No more digits than needed: 20, 0.5.
    static func plain(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
    }

    /// `-` for what is not known.
    static func decimal(_ value: Double?, _ decimals: Int) -> String {
        if let value { Figure.decimal(value, decimals) } else { "-" }
    }

    static func percent(_ share: Double?) -> String {
        if let share { Figure.percent(share) } else { "-" }
    }

    static func grouped(_ number: Int?) -> String {
        if let number { Figure.grouped(number) } else { "-" }
    }

    /// Milliseconds: two decimals below ten, one below a hundred.
    static func milliseconds(_ value: Double?) -> String {
        guard let value else { return "-" }
        return Figure.decimal(value, value < 10 ? 2 : value < 100 ? 1 : 0)
    }

    /// In the unit that leaves one to four digits before the point.
    static func bytes(_ number: Int) -> String {
        let value = Double(number)
        if number >= 1 << 30 { return Figure.decimal(value / Double(1 << 30), 2) + " GiB" }
        if number >= 1 << 20 { return Figure.decimal(value / Double(1 << 20), 1) + " MiB" }
        return Figure.decimal(value / 1024, 1) + " KiB"
    }
}
