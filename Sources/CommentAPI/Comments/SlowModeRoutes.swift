import HTTPTypes
import Hummingbird
import Identity
import ServiceRuntime
import Wire

/// `PUT /slow-mode`: a moderator sets how long each user waits between two comments on a video.
struct SlowModeRoutes: Sendable {
    static let invalid = "invalid_slow_mode"
    static let seconds = 0...86_400

    func add(to router: Router<ServiceContext>) {
        router.put("slow-mode") { request, context in
            try context.require(.moderate)
            let wanted = try await request.json(SlowMode.self, code: Self.invalid)
            guard let channel = Channel.video(wanted.videoid) else {
                throw APIError.invalid(Self.invalid, "videoid is not valid")
            }
            guard Self.seconds.contains(wanted.seconds) else {
                throw APIError.invalid(
                    Self.invalid, "seconds must be \(Self.seconds.lowerBound) to \(Self.seconds.upperBound)")
            }
            try await context.setSlowMode(of: channel, seconds: wanted.seconds == 0 ? nil : wanted.seconds)
            var answer = JSONText()
            answer.member("success", true)
            answer.member("videoid", wanted.videoid)
            answer.member("seconds", wanted.seconds)
            return Response.json(answer.finished())
        }
    }

    private struct SlowMode: Decodable {
        var videoid: String
        /// 0: no slow mode.
        var seconds: Int
    }
}
