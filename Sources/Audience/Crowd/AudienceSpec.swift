internal import Placement

/// The shape of an audience, as `--audience` names it.
public enum AudienceSpec: Hashable, Sendable {
    /// Every channel has the same number of viewers, give or take one.
    case uniform
    /// The tiers of the reference run: one large channel, five medium ones, many small ones, and a last one that takes
    /// whoever is left.
    case reference
    /// Channel i has viewers in proportion to i^-exponent.
    case zipf(exponent: Double)
    /// Uniform, and then a crowd of this part of all viewers comes to the first channel.
    case flash(share: Double)
    /// As somebody counted it (``Trace``); nobody can ask for it by name.
    case trace

    /// The part of the viewers that a flash crowd has when none is stated.
    public static let flashShare = 0.3
    public static let exponents = 0.0...4.0

    /// Reads `uniform`, `reference`, `zipf:<exponent>` (0 to 4), `flash` or `flash:<share>` (between 0 and 1).
    public static func parse(_ text: String) throws(InvalidParameter) -> AudienceSpec {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        switch (parts[0], parts.count > 1 ? parts[1] : nil) {
        case ("uniform", nil): return .uniform
        case ("reference", nil): return .reference
        case ("flash", nil): return .flash(share: flashShare)
        case ("flash", let share?):
            guard let share = Double(share), share > 0, share < 1 else {
                throw invalid(text, expected: "flash:<share> with a share between 0 and 1, for instance flash:0.3")
            }
            return .flash(share: share)
        case ("zipf", let exponent):
            guard let exponent = exponent.flatMap({ Double($0) }), exponents.contains(exponent) else {
                throw invalid(text, expected: "zipf:<exponent> with an exponent from 0 to 4, for instance zipf:1.0")
            }
            return .zipf(exponent: exponent)
        default:
            throw invalid(text, expected: "uniform, reference, zipf:<exponent>, flash or flash:<share>")
        }
    }

    private static func invalid(_ text: String, expected: String) -> InvalidParameter {
        InvalidParameter(name: "audience", value: text, expected: expected)
    }
}

extension AudienceSpec: CustomStringConvertible {
    /// The text that ``parse(_:)`` reads.
    public var description: String {
        switch self {
        case .uniform: "uniform"
        case .reference: "reference"
        case .zipf(let exponent): "zipf:\(exponent)"
        case .flash(let share): "flash:\(share)"
        case .trace: "trace"
        }
    }
}

extension AudienceSpec: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            let text = try container.decode(String.self)
            self = text == "trace" ? .trace : try AudienceSpec.parse(text)
        } catch let invalid as InvalidParameter {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: invalid.description)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
