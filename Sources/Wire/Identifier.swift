/// The rule for every id that a client chooses: users, videos, photos.
///
/// 1 to 128 characters of `A-Z a-z 0-9 . _ - :`. The set is closed under being a part of a channel name, a Redis key,
/// a URL query and a line of an event stream, so that no id needs quoting anywhere behind the first check.
public enum Identifier {
    public static let lengthMax = 128
    /// The rule, as it is told to who broke it.
    public static let expected = "1 to \(lengthMax) characters of A-Z a-z 0-9 . _ - :"

    /// Whether `text` may be used as an id.
    public static func isValid(_ text: some StringProtocol) -> Bool {
        let bytes = text.utf8
        return !bytes.isEmpty && bytes.count <= lengthMax && bytes.allSatisfy(isAllowed)
    }

    /// The same without the detour through a protocol: millions of ids are checked on the way to the database.
    public static func isValid(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { !$0.isEmpty && $0.count <= lengthMax && $0.allSatisfy(isAllowed) }
    }

    static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: ":"):
            true
        default: false
        }
    }
}
