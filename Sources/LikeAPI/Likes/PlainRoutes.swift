import HTTPTypes
import Hummingbird
import Likes
import ServiceRuntime
import Wire

/// `POST /like` and `POST /unlike`, in the style of `/comment`.
struct PlainRoutes: Sendable {
    let desk: LikeDesk

    func add(to router: Router<ServiceContext>) {
        router.post("like") { request, _ in try await apply(request, liked: true) }
        router.post("unlike") { request, _ in try await apply(request, liked: false) }
    }

    private func apply(_ request: Request, liked: Bool) async throws -> Response {
        let fields = try await request.jsonFields(code: LikeRoutes.invalid)
        let intent = LikeIntent(
            photo: try fields.identifier("photoid"), user: try fields.identifier("userid"), liked: liked)
        let total = try await desk.total(after: intent)
        var answer = JSONText(capacity: 128)
        answer.member("success", true)
        answer.member("photoid", intent.photo)
        answer.member("liked", liked)
        answer.member("count", total.count)
        answer.member("version", total.version)
        return .json(answer.finished())
    }
}
