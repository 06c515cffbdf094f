import Crypto
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Identity
import Logging
import Media
import NIOCore
import ServiceRuntime
import Social
import Storage
import Wire

/// `POST /api/media`: a picture as it is (JPEG, PNG or WebP); what is shown are WebP files made of it.
struct MediaRoutes: Sendable {
    static let invalid = "invalid_media"
    private static let types: Set = ["image/jpeg", "image/png", "image/webp"]
    /// Of the first bytes: where the size stands, behind what cameras write in front of it.
    private static let headMax = 1 << 20

    /// `nil`: nowhere to keep files.
    let store: MediaStore?
    let converter: ImageConverter
    /// Uploads that are read.
    let uploads: WorkSlots
    /// Uploads that are converted.
    let conversions: WorkSlots
    let urls: MediaURLs

    func add(to router: Router<ServiceContext>) {
        router.post("api/media") { request, context in try await take(request, context) }
    }

    private func take(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let owner = try context.account(code: Self.invalid)
        guard let store else { throw APIError.mediaDisabled }
        let type = request.headers[.contentType]?.prefix { $0 != ";" }.lowercased() ?? ""
        guard Self.types.contains(type) else {
            throw APIError(
                .unsupportedMediaType, code: "unsupported_media_type",
                "the content type must be image/jpeg, image/png or image/webp")
        }
        try await context.limit(.media, request)
        let response = try await uploads.run {
            try await TemporaryFolder.with { folder in
                try await take(request, into: folder, owner: owner, store, context.logger)
            }
        }
        guard let response else { throw APIError.busyWithMedia }
        return response
    }

    private func take(
        _ request: Request, into folder: String, owner: String, _ store: MediaStore, _ logger: Logger
    ) async throws -> Response {
        let source = folder + "/source"
        let digest = try await Self.receive(request, source)
        do {
            if let known = try await store.known(owner: owner, digest: digest) { return answer(known) }
            let converted = try await conversions.run { try await converter.convert(source, into: folder) }
            guard let converted else { throw APIError.busyWithMedia }
            let picture = Picture(
                id: RefreshToken.random(12), name: MediaStore.name(owner: owner, digest: digest),
                width: converted.header.width, height: converted.header.height)
            switch try await store.add(picture, owner: owner, digest: digest, paths: converted.files) {
            case .added(let picture): return answer(picture)
            case .unknownOwner: throw APIError.userNotFound
            case .tooMany: throw APIError.tooManyUploads
            }
        } catch let error as StorageError {
            throw APIError(accounts: error, invalid: Self.invalid)
        } catch let error as ImageConverter.Problem {
            logger.info("an upload was not converted", metadata: ["error": "\(error)"])
            throw error == .missing ? APIError.mediaDisabled : APIError.unreadableImage
        }
    }

    /// Writes the body to a file; refuses it as soon as its first bytes say what it is.
    ///
    /// - Returns: SHA-256, in hexadecimal digits.
    private static func receive(_ request: Request, _ path: String) async throws -> String {
        var hash = SHA256()
        var head: [UInt8]? = []
        let file = try UploadFile(path)
        try await request.streamBody(bytesMax: ImageConverter.bytesMax) { part in
            hash.update(data: Data(part.readableBytesView))
            try file.write(part.readableBytesView)
            guard head != nil else { return }
            head?.append(contentsOf: part.readableBytesView)
            switch ImageHeader.parse(head ?? []) {
            case .incomplete where (head?.count ?? 0) <= headMax: return
            case .incomplete, .invalid: throw APIError.notAnImage
            case .header(let header):
                guard header.isWithin(pixelsMax: ImageConverter.pixelsMax, sideMax: ImageConverter.sideMax) else {
                    throw APIError.tooManyPixels
                }
                head = nil
            }
        }
        guard head == nil else { throw APIError.notAnImage }
        return MediaStore.hex(hash.finalize())
    }

    private func answer(_ picture: Picture) -> Response {
        .json(urls.json(picture), status: .created)
    }
}

/// Where clients find files.
struct MediaURLs: Sendable {
    static let prefix = "/media/"

    func json(_ picture: Picture) -> [UInt8] {
        var urls = JSONText(capacity: 200)
        urls.member("1280", Self.prefix + MediaStore.file(picture.name, side: 1_280))
        urls.member("400", Self.prefix + MediaStore.file(picture.name, side: 400))
        var object = JSONText(capacity: 320)
        object.member("media_id", picture.id)
        object.member("width", picture.width)
        object.member("height", picture.height)
        object.member("urls", json: urls.finished())
        return object.finished()
    }
}

extension APIError {
    static let mediaDisabled = APIError(
        .notImplemented, code: "media_disabled", "this service takes no pictures: no MEDIA_FOLDER, or no libvips")
    static let busyWithMedia = APIError.unavailable("busy", "too many pictures are taken at the moment")
    static let notAnImage = APIError(
        .unsupportedMediaType, code: "unsupported_image", "the body is no JPEG, PNG or WebP")
    static let unreadableImage = APIError(
        .unprocessableContent, code: "unreadable_image", "the image is broken, or takes too long or too much memory")
    static let tooManyPixels = APIError(
        .unprocessableContent, code: "too_many_pixels",
        "an image may have \(ImageConverter.pixelsMax) pixels, and sides of \(ImageConverter.sideMax)")
    static let tooManyUploads = APIError(
        .conflict, code: "too_many_uploads", "\(MediaStore.unusedMax) pictures wait for a post; they go after a day")
}
