import HTTPTypes
import Identity
import Wire

extension Operation {
    /// Every route of every service but the files of the dashboard.
    public static let all: [Operation] = everywhere + comments + likes + readers + social + statistics

    private static func get(
        _ service: String..., path: String, _ summary: String, _ verb: Verb?, _ query: [Field] = [],
        as mediaType: String? = "application/json"
    ) -> Operation {
        Operation(
            services: service, method: .get, path: path, summary: summary, verb: verb, query: query,
            mediaType: mediaType)
    }

    private static func write(
        _ service: String, _ method: HTTPRequest.Method, _ path: String, _ summary: String, _ verb: Verb?,
        _ body: [Field]? = nil, query: [Field] = []
    ) -> Operation {
        Operation(
            services: [service], method: method, path: path, summary: summary, verb: verb, query: query,
            body: body.map { .json($0) })
    }

    private static let everywhere: [Operation] = [
        get(path: "/health", "Whether the process lives", nil),
        Operation(
            services: [], method: .head, path: "/health", summary: "The same, without a body", verb: nil,
            mediaType: nil),
        get(path: "/health/ready", "Whether it can do its work, and why not", nil),
        Operation(
            services: [], method: .head, path: "/health/ready", summary: "The same, without a body", verb: nil,
            mediaType: nil),
        get(path: "/metrics", "Prometheus' text format", .operate, as: "text/plain"),
    ]

    // MARK: Comments and likes

    private static let comments: [Operation] = [
        write(
            "CommentAPI", .post, "/comment", "Writes a comment of a video", .write,
            [
                .optional("userid", .id), .required("videoid", .id),
                .required("comment", .text(Comment.textLengthMax)),
            ]),
        get(
            "CommentAPI", path: "/history", "Comments of a video, newest first", .watch,
            [.required("videoid", .id), .optional("before", .id), .optional("limit", .integer(1...500))]),
        write(
            "CommentAPI", .delete, "/comment/{id}", "Removes a comment", .remove,
            query: [.optional("userid", .id), .optional("videoid", .id)]),
        write(
            "CommentAPI", .post, "/api/posts/{post_id}/comments", "Writes a comment on a post, or a reply", .write,
            [.optional("user_id", .id), .required("content", .text(10_000)), .optional("parent_id", .id)]),
        get(
            "CommentAPI", path: "/api/posts/{post_id}/comments", "Comments on a post, newest first", .watch,
            Field.page()),
        get("CommentAPI", path: "/api/comments/{id}", "A comment", .watch),
        write(
            "CommentAPI", .patch, "/api/comments/{id}", "Changes a comment", .write,
            [
                .optional("user_id", .id), .required("content", .text(10_000)),
                .required("revision", .integer(1...1_000_000)),
            ]),
        write(
            "CommentAPI", .delete, "/api/comments/{id}", "Removes a comment", .remove,
            query: [.optional("user_id", .id)]),
        write(
            "CommentAPI", .put, "/slow-mode", "Sets the time between two comments of a user", .moderate,
            [.required("videoid", .id), .required("seconds", .integer(0...86_400))]),
    ]

    private static let like: [Field] = [.optional("user_id", .id), .required("post_id", .id)]
    private static let shortLike: [Field] = [.optional("userid", .id), .required("photoid", .id)]

    private static let likes: [Operation] = [
        write("LikeAPI", .post, "/v1/likes", "Likes a post or photo", .write, like),
        write("LikeAPI", .delete, "/v1/likes", "Takes a like back", .write, query: like),
        write("LikeAPI", .post, "/like", "Likes a photo", .write, shortLike),
        write("LikeAPI", .post, "/unlike", "Takes a like back", .write, shortLike),
        get(
            "LikeAPI", path: "/v1/likes/{post_id}", "A count, and whether a user likes it", .watch,
            [.optional("user_id", .id)]),
        get("LikeAPI", path: "/v1/likes/counts", "The count of the post that is called so", .watch),
        write(
            "LikeAPI", .post, "/v1/likes/counts", "Many counts at once", .watch,
            [.optional("user_id", .id), .required("post_ids", .ids(500))]),
        get("LikeAPI", path: "/v1/likes/{post_id}/users", "Who likes it, newest first", .watch, Field.page()),
        get("LikeAPI", path: "/v1/likes/counts/users", "Who likes the post that is called so", .watch, Field.page()),
        write(
            "LikeAPI", .post, "/v1/photos", "Says who owns a photo", .operate,
            [.required("post_id", .id), .required("owner_id", .id)]),
        get(
            "LikeAPI", path: "/v1/notifications", "Notifications, newest first", .notifications,
            [.optional("user_id", .id)] + Field.page()),
        write(
            "LikeAPI", .post, "/v1/notifications/read", "Marks notifications as read", .notifications,
            [.optional("user_id", .id)]),
        get(
            "LikeAPI", path: "/api/notifications", "Notifications, as a bare list", .notifications,
            [.optional("user_id", .id)] + Field.page()),
        write(
            "LikeAPI", .post, "/api/notifications/read", "Marks notifications as read", .notifications,
            [.optional("user_id", .id)]),
    ]

    // MARK: Readers and statistics

    private static let watching: [Field] = [
        .optional("userid", .id), .optional("videoid", .id), .optional("photoids", .text(1_000)),
        .optional("notifications", .flag),
    ]

    private static let readers: [Operation] =
        [
            write("ReaderAPI", .post, "/connect", "An event stream", .watch, watching),
            get("ReaderAPI", path: "/connect", "An event stream", .watch, watching, as: EventStream.mediaType),
            get("ReaderAPI", path: "/locate", "Which Reader serves a video", .watch, [.required("videoid", .id)]),
            get("ReaderAPI", path: "/viewers", "How many watch a video", .watch, [.required("videoid", .id)]),
            write("ReaderAPI", .post, "/api/stream-tickets", "A ticket that opens one stream", .watch),
            get(
                "ReaderAPI", path: "/socket.io", "Engine.IO: begins a session, waits for packets", .watch, engine,
                as: "text/plain"),
        ]
        + [HTTPRequest.Method.post, .put, .delete, .patch].map {
            Operation(
                services: ["ReaderAPI"], method: $0, path: "/socket.io",
                summary: $0 == .post ? "Engine.IO: takes packets" : "Refused, as Engine.IO refuses it", verb: .watch,
                query: engine, body: $0 == .post ? .bytes(["text/plain"]) : nil, mediaType: nil)
        }

    private static let engine: [Field] = [
        .required("EIO", .choice(["4"])), .required("transport", .choice(["polling", "websocket"])),
        .optional("sid", .text(100)),
    ]

    private static let statistics: [Operation] =
        ["comment-api", "reader-api", "like-api", "client"].map {
            write("StatsAPI", .post, "/\($0)-statistics", "A report of a process", .operate, [])
        } + [
            get(
                "StatsAPI", "CommentAPI", path: "/statistics", "What all processes report, merged", .read,
                [.optional("full", .flag)]),
            get(
                "StatsAPI", path: "/statistics/feed", "The dashboard's feed", .read, [.optional("format", .text(20))],
                as: EventStream.mediaType),
            get("StatsAPI", path: "/statistics/map", "Which Reader subscribes to which channel", .read, as: nil),
            get("StatsAPI", path: "/statistics/channels", "What is known of channels", .read),
            get("StatsAPI", path: "/statistics/reports", "Reports of experiments", .operate),
            get("StatsAPI", path: "/reports/{name}/{file}", "A report of an experiment", .operate, as: nil),
        ]

    // MARK: People and posts

    private static let credentials: [Field] = [.required("username", .text(30)), .required("password", .text(256))]
    private static let visibility = Field.optional("visibility", .choice(["public", "followers"]))
    private static let types = ["post", "comment", "user"]

    private static let social: [Operation] = [
        write(
            "SocialAPI", .post, "/api/users/register", "Makes an account", nil,
            credentials + [.required("email", .text(254))]),
        write("SocialAPI", .post, "/api/users/login", "Logs in", nil, credentials),
        write("SocialAPI", .post, "/api/users/token", "The next tokens of a log-in", nil),
        write("SocialAPI", .post, "/api/users/logout", "Ends a log-in", nil),
        get("SocialAPI", path: "/api/users/{id}", "A profile", .read),
        get("SocialAPI", path: "/api/users/me", "One's own account", .account),
        write(
            "SocialAPI", .patch, "/api/users/me", "Changes one's own account", .account,
            [
                .optional("display_name", .text(50)), .optional("bio", .text(300)), .optional("email", .text(254)),
                .optional("password", .text(256)), .optional("current_password", .text(256)),
            ]),
        write(
            "SocialAPI", .delete, "/api/users/me", "Gives the account up", .account,
            [.optional("password", .text(256))]),
        get("SocialAPI", path: "/api/users/me/export", "All of one's data", .account, as: "application/x-ndjson"),
        write(
            "SocialAPI", .put, "/api/users/{id}/suspension", "Suspends a user", .moderate,
            [.required("seconds", .integer(1...315_360_000))]),
        write("SocialAPI", .delete, "/api/users/{id}/suspension", "Ends a suspension", .moderate),
        write("SocialAPI", .put, "/api/users/{id}/follow", "Follows a user", .account),
        write("SocialAPI", .delete, "/api/users/{id}/follow", "Follows no longer", .account),
        write("SocialAPI", .put, "/api/users/{id}/block", "Blocks a user", .account),
        write("SocialAPI", .delete, "/api/users/{id}/block", "Blocks no longer", .account),
        get("SocialAPI", path: "/api/users/{id}/posts", "Posts of a user, newest first", .read, Field.page()),
        write(
            "SocialAPI", .post, "/api/posts", "Writes a post", .write,
            [
                .optional("user_id", .id), .optional("content", .text(5_000)), .optional("media_ids", .ids(4)),
                visibility, .optional("comments_open", .flag),
            ]),
        get(
            "SocialAPI", path: "/api/posts", "Public posts, newest first", .read,
            [.optional("has", .choice(["photo"]))] + Field.page()),
        get(
            "SocialAPI", path: "/api/feed", "What one follows, newest first", .account,
            [.optional("user_id", .id)] + Field.page()),
        get("SocialAPI", path: "/api/posts/{post_id}", "A post", .watch),
        write(
            "SocialAPI", .patch, "/api/posts/{post_id}", "Changes a post", .write,
            [
                .required("revision", .integer(1...1_000_000)), .optional("content", .text(5_000)), visibility,
                .optional("comments_open", .flag),
            ]),
        write("SocialAPI", .delete, "/api/posts/{post_id}", "Deletes a post", .remove),
        Operation(
            services: ["SocialAPI"], method: .post, path: "/api/media", summary: "Takes a picture", verb: .account,
            body: .bytes(["image/jpeg", "image/png", "image/webp"])),
        get(
            "SocialAPI", path: "/api/search", "Posts, comments or users with some words", .read,
            [
                .required("q", .text(200)), .optional("type", .choice(types)), .optional("author", .id),
                .optional("from", .text(24)), .optional("to", .text(24)), .optional("has", .choice(["photo"])),
            ] + Field.page()),
        get(
            "SocialAPI", path: "/api/users/search", "Users by the beginning of a name", .read,
            [.required("q", .text(50)), .optional("limit", .integer(1...200))]),
        write(
            "SocialAPI", .post, "/api/reports", "Reports something to the moderators", .account,
            [.required("type", .choice(types)), .required("id", .id), .required("reason", .text(500))]),
        get("SocialAPI", path: "/api/moderation/reports", "What is reported", .moderate, Field.page()),
        write(
            "SocialAPI", .post, "/api/moderation/actions", "Acts on something", .moderate,
            [
                .required("action", .choice(["remove", "hold", "approve", "limit", "suspend", "restore"])),
                .required("type", .choice(types)), .required("id", .id), .optional("reason", .text(500)),
                .optional("seconds", .integer(1...315_360_000)),
            ]),
        get("SocialAPI", path: "/api/moderation/actions", "The log", .moderate, Field.page()),
        write(
            "SocialAPI", .put, "/api/moderation/words", "Replaces the filtered words", .moderate,
            [
                .required(
                    "words",
                    .objects([.required("word", .text(64)), .required("effect", .choice(["hold", "refuse"]))]))
            ]),
        get("SocialAPI", path: "/api/moderation/words", "The filtered words", .moderate),
        get("SocialAPI", path: "/api/openapi.json", "This document", .read),
    ]
}
