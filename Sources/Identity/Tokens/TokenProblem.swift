/// Why a token is not accepted. The raw value is the code of the answer.
public enum TokenProblem: String, Error, CaseIterable, Sendable {
    /// Not a token that one of the keys signed, for this audience, with claims that can be read.
    case invalid = "invalid_token"
    /// It was accepted before.
    case expired = "token_expired"
    /// Its log-in has ended.
    case revoked = "token_revoked"
    /// Its subject may not do anything for a while.
    case suspended = "account_suspended"
    /// Several credentials came, and they are not the same.
    case ambiguous = "ambiguous_credentials"
    /// It was not looked at: too many that are none came from where it came from.
    case unchecked = "rate_limited"

    /// For people; it names no user.
    public var sentence: String {
        switch self {
        case .invalid: "the token is not valid here"
        case .expired: "the token has expired"
        case .revoked: "the session of this token has ended"
        case .suspended: "this account is suspended"
        case .ambiguous: "the request carries several credentials that differ"
        case .unchecked: "too many tokens that are none came from this address"
        }
    }
}
