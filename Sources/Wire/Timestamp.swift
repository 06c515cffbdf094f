/// UTC time as text, `2026-01-01T12:00:00.000Z`, without a formatter: this runs once per comment.
public enum Timestamp {
    /// `millisecondsSinceEpoch` since 1970-01-01T00:00:00Z; years 1970 to 9999.
    public static func text(millisecondsSinceEpoch: Int64) -> String {
        let (days, milliseconds) = millisecondsSinceEpoch.quotientAndRemainder(dividingBy: 86_400_000)
        let date = civil(days: days)
        let seconds = milliseconds / 1000
        return "\(pad(date.year, 4))-\(pad(date.month, 2))-\(pad(date.day, 2))T"
            + "\(pad(seconds / 3600, 2)):\(pad(seconds / 60 % 60, 2)):\(pad(seconds % 60, 2)).\(pad(milliseconds % 1000, 3))Z"
    }

    /// What ``text(millisecondsSinceEpoch:)`` wrote, in milliseconds since 1970; `nil` for anything else.
    public static func milliseconds(utf8 text: some Collection<UInt8>) -> Int64? {
        guard text.count == 24 else { return nil }
        var fields: [Int64] = [0]
        for (index, byte) in text.enumerated() {
            if let separator = separators[index] {
                guard byte == separator else { return nil }
                if index < 23 { fields.append(0) }
            } else {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                fields[fields.count - 1] = fields[fields.count - 1] * 10 + Int64(byte - 0x30)
            }
        }
        guard (1...12).contains(fields[1]), (1...31).contains(fields[2]) else { return nil }
        let seconds = (days(fields[0], fields[1], fields[2]) * 24 + fields[3]) * 3_600 + fields[4] * 60 + fields[5]
        return seconds * 1_000 + fields[6]
    }

    private static let separators: [Int: UInt8] = [
        4: UInt8(ascii: "-"), 7: UInt8(ascii: "-"), 10: UInt8(ascii: "T"), 13: UInt8(ascii: ":"), 16: UInt8(ascii: ":"),
        19: UInt8(ascii: "."), 23: UInt8(ascii: "Z"),
    ]

    /// The other way round of ``civil(days:)``.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Days since 1970-01-01 as a date of the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms").
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func pad(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return digits.utf8.count >= width ? digits : String(repeating: "0", count: width - digits.utf8.count) + digits
    }
}
