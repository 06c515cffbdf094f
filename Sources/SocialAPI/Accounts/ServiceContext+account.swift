import Hummingbird
import Identity
import ServiceRuntime
import Wire

extension ServiceContext {
    /// The user whose account a request is about: the caller.
    ///
    /// - Parameter code: of the refusal when nobody is named.
    func account(code: String) throws(APIError) -> String {
        try user(RequestFields(JSONObject(), code: code)) { .account(of: $0) }
    }
}
