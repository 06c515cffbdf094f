/// Whether somebody else lives under this Reader's id. Pure.
///
/// The entry of a Reader that died stays for its lifetime, and is no conflict: the same Reader was restarted. Only one
/// that is renewed while we look belongs to somebody alive.
struct IdentityConflict: Equatable, Sendable {
    enum Change: Equatable, Sendable {
        case none, began, ended
    }

    private var lastHolder: String?
    private(set) var isThere = false

    mutating func seen(holder: String?) -> Change {
        defer { lastHolder = holder }
        guard let holder else {
            defer { isThere = false }
            return isThere ? .ended : .none
        }
        guard !isThere, let lastHolder, lastHolder != holder else { return .none }
        isThere = true
        return .began
    }
}
