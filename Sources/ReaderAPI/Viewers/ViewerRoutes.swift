import Hummingbird
import Identity
import Logging
import RedisNIO
import ServiceRuntime
import Wire

/// `GET /viewers?videoid=`: how many watch a video, on all Readers.
struct ViewerRoutes: Sendable {
    let redis: RedisClient

    func add(to router: Router<ServiceContext>) {
        router.get("viewers") { request, context in
            let fields = try RequestFields(queryOf: request, code: "invalid_viewers")
            let videoid = try fields.identifier("videoid")
            guard let video = Wire.Channel.video(videoid) else {
                throw APIError.invalid(fields.code, "videoid is no name of a video")
            }
            try context.require(.watch(video))
            try await context.limit(.reads, request)
            do {
                let viewers = try await ViewerCounts.viewers(of: video, redis: redis)
                var object = JSONText()
                object.member("videoid", videoid)
                object.member("viewers", viewers)
                return Response.json(object.finished())
            } catch {
                context.logger.debug("viewers cannot be read", metadata: ["error": "\(error)"])
                throw APIError.unavailable("broker_unavailable", "Redis does not answer")
            }
        }
    }
}
