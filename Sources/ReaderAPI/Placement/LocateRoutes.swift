import HTTPTypes
import Hummingbird
import Identity
import ReaderPlacement
import ServiceRuntime
import Wire

/// `GET /locate`: which Reader a viewer belongs to, for clients that ask before they connect.
struct LocateRoutes: Sendable {
    let placement: PlacementService
    let instance: String

    func add(to router: Router<ServiceContext>) {
        router.get("locate") { request, context in
            try locate(RequestFields(queryOf: request, code: "invalid_locate"), context)
        }
    }

    private func locate(_ fields: RequestFields, _ context: ServiceContext) throws -> Response {
        let given = [
            try fields.optionalIdentifier("videoid").flatMap(Channel.video),
            try fields.optionalIdentifier("postid").flatMap(Channel.post),
            try fields.optionalIdentifier("photoid").flatMap(Channel.photo),
        ].compactMap { $0 }
        guard given.count == 1 else {
            throw APIError.invalid(fields.code, "one of videoid, postid and photoid is needed")
        }
        try context.require(.watch(given[0]))
        let place: Place
        switch placement.locate(channel: given[0].name, avoiding: try fields.optionalReader("avoid")) {
        case .serve: place = Place(channel: given[0].name, instance: instance, url: placement.ownURL)
        case .redirect(let id, let url): place = Place(channel: given[0].name, instance: id, url: url)
        case .refuse: throw APIError.noReader
        }
        var response = try Response.json(encoding: place)
        response.headers[.cacheControl] = "no-store"
        return response
    }
}

extension Response {
    /// `307`: a client repeats the request as it is, body included (RFC 9110, section 15.4.8).
    static func redirect(to place: Place, location: String) throws -> Response {
        var response = try Response.json(encoding: place, status: .temporaryRedirect)
        response.headers[.location] = location
        // The place may be another one in a moment.
        response.headers[.cacheControl] = "no-store"
        return response
    }
}

extension APIError {
    /// This Reader is about to stop, and knows no other, or none that the viewer can be sent to.
    static let noReader = APIError.unavailable("draining", "this Reader is stopping, and no other takes this viewer")
}
