import Hummingbird
import ServiceRuntime
import Wire

extension Response {
    /// A page of objects that are finished: `{"<name>":[…],"next":"…"}`, without `next` on the last one.
    static func list(_ name: StaticString, _ objects: [[UInt8]], next: String? = nil) -> Response {
        var answer = JSONText(capacity: objects.reduce(64) { $0 + $1.count + 1 })
        answer.member(name, json: JSONText.array(objects))
        if let next { answer.member("next", next) }
        return .json(answer.finished())
    }
}
