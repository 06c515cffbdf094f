import HTTPTypes
import Hummingbird
import ServiceRuntime
import Wire

/// What a viewer is answered who is not served here.
enum PlacementAnswer {
    /// `307`: a client repeats the request as it is, body included (RFC 9110, section 15.4.8).
    static func redirect(channel: Channel, id: String, url: String, location: String) throws -> Response {
        var response = try Response.json(
            encoding: Place(channel: channel.name, instance: id, url: url), status: .temporaryRedirect)
        response.headers[.location] = location
        // The place of a channel is one of this moment.
        response.headers[.cacheControl] = "no-store"
        return response
    }

    static let refusal = APIError.unavailable("draining", "this Reader is stopping, and no other takes viewers")
}

/// `GET /locate`: where a viewer would be sent, for clients that ask before they connect.
struct LocateRoutes: Sendable {
    let desk: PlacementDesk
    let instance: String

    func add(to router: Router<ServiceContext>) {
        router.get("locate") { request, _ in
            try locate(RequestFields(queryOf: request, code: "invalid_locate"))
        }
    }

    private func locate(_ fields: RequestFields) throws -> Response {
        let given = [
            try fields.optionalIdentifier("videoid").flatMap(Channel.video),
            try fields.optionalIdentifier("photoid").flatMap(Channel.photo),
        ].compactMap { $0 }
        guard given.count == 1 else { throw APIError.invalid(fields.code, "one of videoid and photoid is needed") }
        let place: Place
        switch desk.locate(channel: given[0].name) {
        case .serve: place = Place(channel: given[0].name, instance: instance, url: desk.ownURL)
        case .redirect(let id, let url): place = Place(channel: given[0].name, instance: id, url: url)
        case .refuse: throw PlacementAnswer.refusal
        }
        var response = try Response.json(encoding: place)
        response.headers[.cacheControl] = "no-store"
        return response
    }
}
