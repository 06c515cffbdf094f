import Broker
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import InMemory
import NIOCore
import ServiceRuntime
import TestSupport
import Testing
import Wire

@testable import CommentAPI
@testable import LikeAPI
@testable import ReaderAPI
@testable import SocialAPI
@testable import StatsAPI

/// Who comes. The comment of the walk is by `author`; the notifications are `owner`'s; the token of `late` has expired.
enum Visitor: String, CaseIterable {
    case anonymous, late, stranger, author, owner, moderator, service

    var claims: String? {
        switch self {
        case .anonymous: nil
        case .late, .stranger, .author, .owner: ""
        case .moderator: #","role":"moderator""#
        case .service: #","role":"service""#
        }
    }
}

/// What a visitor gets.
enum Outcome: Equatable {
    /// Whatever the route says of the request itself.
    case passed
    case unauthorized
    case forbidden

    init(_ status: HTTPResponse.Status) {
        switch status.code {
        case 401: self = .unauthorized
        case 403: self = .forbidden
        default: self = .passed
        }
    }
}

/// A route, a request to it that is right in every other respect, and who may send it. Written by hand, on purpose not taken
/// from the table that it tests.
struct RouteCase {
    var method: HTTPRequest.Method
    /// As the router has it.
    var route: String
    /// `ID` stands for the comment's id, `ME` for the visitor.
    var uri: String
    var body: String?
    /// Who passes; the others get 403, or 401 without a token.
    var allowed: Set<Visitor>

    init(_ method: HTTPRequest.Method, _ route: String, _ uri: String, _ body: String? = nil, _ allowed: Set<Visitor>) {
        self.method = method
        self.route = route
        self.uri = uri
        self.body = body
        self.allowed = allowed
    }

    /// Routes that ask nobody who he is: a token that is none changes nothing.
    private static let open: Set = [
        "/health", "/health/ready", "/api/users/register", "/api/users/logout", "/socket.io",
    ]

    func expected(_ visitor: Visitor) -> Outcome {
        if visitor == .late { return Self.open.contains(route) ? .passed : .unauthorized }
        if allowed.contains(visitor) { return .passed }
        return visitor == .anonymous ? .unauthorized : .forbidden
    }
}

extension Set<Visitor> {
    static let everybody = Set(Visitor.allCases)
    static let people: Self = [.stranger, .author, .owner, .moderator]
    static let service: Self = [.service]
    static let nobody: Self = []
}

enum RouteCases {
    static let common = [
        RouteCase(.get, "/health", "/health", nil, .everybody),
        RouteCase(.head, "/health", "/health", nil, .everybody),
        RouteCase(.get, "/health/ready", "/health/ready", nil, .everybody),
        RouteCase(.head, "/health/ready", "/health/ready", nil, .everybody),
        RouteCase(.get, "/metrics", "/metrics", nil, .service),
    ]

    static let comments =
        common + [
            RouteCase(.post, "/comment", "/comment", #"{"userid":"ME","videoid":"v","comment":"c"}"#, .people),
            RouteCase(.post, "/comment", "/comment", #"{"videoid":"v","comment":"c"}"#, .people),
            RouteCase(.post, "/comment", "/comment", #"{"userid":"other","videoid":"v","comment":"c"}"#, .nobody),
            RouteCase(.get, "/history", "/history?videoid=v", nil, .everybody),
            RouteCase(.delete, "/comment/{id}", "/comment/ID?videoid=v&userid=author", nil, [.author, .moderator]),
            RouteCase(.delete, "/comment/{id}", "/comment/ID?videoid=v", nil, [.author, .moderator]),
            RouteCase(
                .delete, "/api/comments/{id}", "/api/comments/ID?videoid=v", nil, [.author, .moderator]),
            // Without a database what passes is 501.
            RouteCase(
                .post, "/api/posts/{post_id}/comments", "/api/posts/p/comments", #"{"user_id":"ME","content":"c"}"#,
                .people),
            RouteCase(
                .post, "/api/posts/{post_id}/comments", "/api/posts/p/comments", #"{"user_id":"other","content":"c"}"#,
                .nobody),
            RouteCase(.get, "/api/posts/{post_id}/comments", "/api/posts/p/comments", nil, .everybody),
            RouteCase(.get, "/history", "/history?postid=p", nil, .everybody),
            RouteCase(.get, "/api/comments/{id}", "/api/comments/c", nil, .everybody),
            RouteCase(.patch, "/api/comments/{id}", "/api/comments/c", #"{"content":"c","revision":1}"#, .people),
            RouteCase(.get, "/statistics", "/statistics", nil, .everybody),
            RouteCase(.get, "/statistics", "/statistics?full=true", nil, .service),
            RouteCase(.put, "/slow-mode", "/slow-mode", #"{"videoid":"v","seconds":1}"#, [.moderator]),
        ]

    static let likes =
        common + [
            RouteCase(.post, "/v1/likes", "/v1/likes", #"{"user_id":"ME","post_id":"p"}"#, .people),
            RouteCase(.post, "/v1/likes", "/v1/likes", #"{"post_id":"p"}"#, .people),
            RouteCase(.post, "/v1/likes", "/v1/likes", #"{"user_id":"other","post_id":"p"}"#, .nobody),
            RouteCase(.delete, "/v1/likes", "/v1/likes?user_id=ME&post_id=p", nil, .people),
            RouteCase(.delete, "/v1/likes", "/v1/likes?user_id=other&post_id=p", nil, .nobody),
            RouteCase(.post, "/like", "/like", #"{"userid":"ME","photoid":"p"}"#, .people),
            RouteCase(.post, "/like", "/like", #"{"userid":"other","photoid":"p"}"#, .nobody),
            RouteCase(.post, "/unlike", "/unlike", #"{"photoid":"p"}"#, .people),
            RouteCase(.post, "/unlike", "/unlike", #"{"userid":"other","photoid":"p"}"#, .nobody),
            RouteCase(.get, "/v1/likes/{post_id}", "/v1/likes/p?user_id=other", nil, .everybody),
            RouteCase(.get, "/v1/likes/counts", "/v1/likes/counts", nil, .everybody),
            RouteCase(.post, "/v1/likes/counts", "/v1/likes/counts", #"{"post_ids":["p"]}"#, .everybody),
            RouteCase(.get, "/v1/likes/{post_id}/users", "/v1/likes/p/users", nil, .everybody),
            RouteCase(.get, "/v1/likes/counts/users", "/v1/likes/counts/users", nil, .everybody),
            RouteCase(.post, "/v1/photos", "/v1/photos", #"{"post_id":"p","owner_id":"owner"}"#, .service),
            RouteCase(
                .post, "/v1/photos", "/v1/photos", #"{"post_id":"of:owner","owner_id":"owner"}"#, [.owner, .service]),
            RouteCase(.post, "/v1/photos", "/v1/photos", #"{"post_id":"of:other","owner_id":"owner"}"#, .service),
            RouteCase(.get, "/v1/notifications", "/v1/notifications?user_id=owner", nil, [.owner]),
            RouteCase(.get, "/v1/notifications", "/v1/notifications", nil, .people),
            RouteCase(.post, "/v1/notifications/read", "/v1/notifications/read", #"{"user_id":"owner"}"#, [.owner]),
            RouteCase(.post, "/v1/notifications/read", "/v1/notifications/read", "{}", .people),
            RouteCase(.get, "/api/notifications", "/api/notifications?user_id=owner", nil, [.owner]),
            RouteCase(.get, "/api/notifications", "/api/notifications", nil, .people),
            RouteCase(.post, "/api/notifications/read", "/api/notifications/read", #"{"user_id":"owner"}"#, [.owner]),
            RouteCase(.post, "/api/notifications/read", "/api/notifications/read", "{}", .people),
        ]

    static let reader =
        common + [
            RouteCase(.post, "/connect", "/connect", #"{"userid":"ME","videoid":"v"}"#, .everybody),
            RouteCase(.post, "/connect", "/connect", #"{"videoid":"v"}"#, .everybody),
            RouteCase(.post, "/connect", "/connect", #"{"userid":"other","videoid":"v"}"#, [.anonymous]),
            RouteCase(.post, "/connect", "/connect", #"{"userid":"owner","notifications":true}"#, [.owner]),
            RouteCase(.get, "/connect", "/connect?videoid=v&photoids=a,b", nil, .everybody),
            RouteCase(.get, "/connect", "/connect?postid=p", nil, .everybody),
            RouteCase(.get, "/locate", "/locate?postid=p", nil, .everybody),
            RouteCase(.get, "/connect", "/connect?userid=owner&notifications=true", nil, [.owner]),
            RouteCase(.get, "/connect", "/connect?notifications=true", nil, .people),
            RouteCase(.get, "/locate", "/locate?videoid=v", nil, .everybody),
            RouteCase(.get, "/viewers", "/viewers?videoid=v", nil, .everybody),
            // Who a client of Socket.IO is, its CONNECT says, behind these.
            RouteCase(.get, "/socket.io", "/socket.io/?EIO=4&transport=polling", nil, .everybody),
            RouteCase(.get, "/socket.io", "/socket.io/?EIO=4&transport=polling&sid=i.0", nil, .everybody),
            RouteCase(.post, "/socket.io", "/socket.io/?EIO=4&transport=polling&sid=i.0", nil, .everybody),
            RouteCase(.put, "/socket.io", "/socket.io/?EIO=4&transport=polling", nil, .everybody),
            RouteCase(.delete, "/socket.io", "/socket.io/?EIO=4&transport=polling", nil, .everybody),
            RouteCase(.patch, "/socket.io", "/socket.io/?EIO=4&transport=polling", nil, .everybody),
            RouteCase(
                .post, "/api/stream-tickets", "/api/stream-tickets", nil, Set.everybody.subtracting([.anonymous])),
        ]

    /// `ID` is a post of `author`. `/api/users/me` is everybody's own.
    static let social =
        common + [
            RouteCase(.post, "/api/posts", "/api/posts", #"{"user_id":"ME","content":"c"}"#, .people),
            RouteCase(.post, "/api/posts", "/api/posts", #"{"content":"c"}"#, .people),
            RouteCase(.post, "/api/posts", "/api/posts", #"{"user_id":"other","content":"c"}"#, .nobody),
            RouteCase(.get, "/api/posts", "/api/posts", nil, .everybody),
            RouteCase(.get, "/api/posts/{post_id}", "/api/posts/ID", nil, .everybody),
            RouteCase(
                .patch, "/api/posts/{post_id}", "/api/posts/ID", #"{"content":"d","revision":1}"#, [.author]),
            RouteCase(.delete, "/api/posts/{post_id}", "/api/posts/ID", nil, [.author, .moderator]),
            RouteCase(.get, "/api/users/{id}/posts", "/api/users/author/posts", nil, .everybody),
            RouteCase(
                .post, "/api/reports", "/api/reports", #"{"type":"post","id":"ID","reason":"r"}"#, .people),
            RouteCase(.get, "/api/moderation/reports", "/api/moderation/reports", nil, [.moderator]),
            RouteCase(
                .post, "/api/moderation/actions", "/api/moderation/actions",
                #"{"action":"hold","type":"post","id":"ID"}"#, [.moderator]),
            RouteCase(.get, "/api/moderation/actions", "/api/moderation/actions", nil, [.moderator]),
            RouteCase(
                .put, "/api/moderation/words", "/api/moderation/words", #"{"words":[]}"#, [.moderator]),
            RouteCase(.get, "/api/moderation/words", "/api/moderation/words", nil, [.moderator]),
            RouteCase(.get, "/api/openapi.json", "/api/openapi.json", nil, .everybody),
            RouteCase(.get, "/api/search", "/api/search?q=a", nil, .everybody),
            RouteCase(.get, "/api/users/search", "/api/users/search?q=a", nil, .everybody),
            RouteCase(.get, "/api/feed", "/api/feed", nil, .people),
            RouteCase(.get, "/api/feed", "/api/feed?user_id=author", nil, [.author]),
            RouteCase(.put, "/api/users/{id}/follow", "/api/users/nobody_1/follow", nil, .people),
            RouteCase(.delete, "/api/users/{id}/follow", "/api/users/author/follow", nil, .people),
            RouteCase(.put, "/api/users/{id}/block", "/api/users/nobody_1/block", nil, .people),
            RouteCase(.delete, "/api/users/{id}/block", "/api/users/author/block", nil, .people),
            RouteCase(.post, "/api/media", "/api/media", nil, .people),
            RouteCase(
                .post, "/api/users/register", "/api/users/register",
                #"{"username":"x","email":"a@b","password":"12345678"}"#, .everybody),
            RouteCase(.get, "/api/users/{id}", "/api/users/author", nil, .everybody),
            RouteCase(.get, "/api/users/me", "/api/users/me", nil, .people),
            RouteCase(.get, "/api/users/me/export", "/api/users/me/export", nil, .people),
            RouteCase(.delete, "/api/users/me", "/api/users/me", nil, .people),
            RouteCase(.patch, "/api/users/me", "/api/users/me", #"{"bio":"b"}"#, .people),
            RouteCase(
                .put, "/api/users/{id}/suspension", "/api/users/author/suspension", #"{"seconds":1}"#, [.moderator]),
            RouteCase(.delete, "/api/users/{id}/suspension", "/api/users/author/suspension", nil, [.moderator]),
            RouteCase(.post, "/api/users/logout", "/api/users/logout", nil, .everybody),
        ]
    /// Their own credentials decide, whoever comes.
    static let credentials: Set = ["POST /api/users/login", "POST /api/users/token"]

    static let statistics =
        common + [
            RouteCase(.post, "/comment-api-statistics", "/comment-api-statistics", #"{"instanceId":"i"}"#, .service),
            RouteCase(.post, "/reader-api-statistics", "/reader-api-statistics", #"{"instanceId":"i"}"#, .service),
            RouteCase(.post, "/like-api-statistics", "/like-api-statistics", #"{"instanceId":"i"}"#, .service),
            RouteCase(.get, "/statistics/feed", "/statistics/feed?format=x", nil, .everybody),
            RouteCase(.get, "/statistics/map", "/statistics/map", nil, .everybody),
            RouteCase(.get, "/statistics/channels", "/statistics/channels", nil, .everybody),
            RouteCase(.get, "/statistics/reports", "/statistics/reports", nil, .service),
            RouteCase(.get, "/reports/{name}/{file}", "/reports/a/b.html", nil, .service),
            RouteCase(.post, "/client-statistics", "/client-statistics", #"{"clientId":"i"}"#, .service),
            RouteCase(.get, "/statistics", "/statistics", nil, .everybody),
            RouteCase(.get, "/statistics", "/statistics?full=true", nil, .service),
        ]
}
