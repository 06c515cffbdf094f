import Foundation
import Testing
import Wire

@testable import Identity

@Suite struct PermissionsTests {
    private func user(_ id: String, _ role: Role = .user, watch: [String]? = nil, write: [String]? = nil) throws
        -> Caller
    {
        .user(
            Subject(
                id: id, role: role, watch: try watch.map { try #require(ChannelPatterns($0)) },
                write: try write.map { try #require(ChannelPatterns($0)) }))
    }

    private func expect(
        _ caller: Caller, _ action: Action, _ decision: Decision, anonymousWatch: Bool = true,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(
            Permissions(anonymousWatch: anonymousWatch).decide(caller, action) == decision, "\(caller) \(action)",
            sourceLocation: sourceLocation)
    }

    @Test func withoutAToken() throws {
        let video = try #require(Channel.video("v"))
        expect(.anonymous, .watch(video), .allowed)
        expect(.anonymous, .read, .allowed)
        expect(.anonymous, .watch(video), .denied(.authenticationRequired), anonymousWatch: false)
        expect(.anonymous, .read, .denied(.authenticationRequired), anonymousWatch: false)
        let user = try #require(Channel.user("anna"))
        for action in [
            Action.watch(user), .write(video, as: "anna"), .write(video, as: nil), .remove(commentOf: "anna"),
            .notifications(of: "anna"), .account(of: "anna"), .moderate, .operate,
        ] {
            expect(.anonymous, action, .denied(.authenticationRequired))
        }
    }

    @Test func whatIsOnesOwn() throws {
        let video = try #require(Channel.video("v"))
        for role in [Role.user, .moderator] {
            let anna = try user("anna", role)
            expect(anna, .write(video, as: nil), .allowed)
            expect(anna, .write(video, as: "anna"), .allowed)
            expect(anna, .write(video, as: "bert"), .denied(.notSubject))
            for (mine, others) in [
                (Action.notifications(of: "anna"), Action.notifications(of: "bert")),
                (.account(of: "anna"), .account(of: "bert")),
                (.watch(try #require(.user("anna"))), .watch(try #require(.user("bert")))),
            ] {
                expect(anna, mine, .allowed)
                expect(anna, others, .denied(.notOwner))
            }
        }
        expect(try user("anna"), .remove(commentOf: "anna"), .allowed)
        expect(try user("anna"), .remove(commentOf: "bert"), .denied(.notOwner))
        expect(try user("anna"), .remove(commentOf: nil), .denied(.notOwner))
        expect(try user("anna", .moderator), .remove(commentOf: nil), .allowed)
        expect(try user("anna", .moderator), .moderate, .allowed)
        expect(try user("anna"), .moderate, .denied(.role))
        expect(try user("anna", .moderator), .operate, .denied(.role))
    }

    @Test func aServiceReportsAndReadsAndDoesNothingElse() throws {
        let service = try user("service", .service)
        for action in [Action.operate, .read, .watch(try #require(.video("v")))] { expect(service, action, .allowed) }
        for action in [
            Action.write(try #require(.video("v")), as: nil), .remove(commentOf: "service"), .remove(commentOf: nil),
            .notifications(of: "service"), .watch(try #require(.user("service"))), .account(of: "service"), .moderate,
        ] {
            expect(service, action, .denied(.role))
        }
    }

    /// The table of docs/PROTOCOL.md is this one.
    @Test func thePageSaysWhatIsDecided() throws {
        let url = URL(filePath: "../../docs/PROTOCOL.md", relativeTo: URL(filePath: #filePath))
        let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
        let words: [Permissions.Grant: String] = [
            .no: "no", .yes: "yes", .own: "own", .optional: "with `AUTH=optional`", .listed: "channels of `watch`",
            .listedOwn: "own name, channels of `write`",
        ]
        for verb in Verb.allCases {
            let line = try #require(lines.first { $0.hasPrefix("| **\(verb.rawValue)**:") }, "\(verb)")
            let cells = line.split(separator: " | ").dropFirst().map { String($0.replacing(" |", with: "")) }
            let roles: [Role?] = [nil, .user, .moderator, .service]
            #expect(cells == roles.map { words[Permissions.grant(verb, to: $0)] ?? "" }, "\(verb)")
        }
    }

    @Test func listsOfChannels() throws {
        let anna = try user("anna", watch: ["video:live-*", "photo:p1"], write: [])
        for (channel, isListed) in [
            ("video:live-1", true), ("video:live-", true), ("video:live", false), ("photo:p1", true),
            ("photo:p10", false), ("photo:p", false),
        ] {
            let channel = try #require(Channel(name: channel))
            expect(anna, .watch(channel), isListed ? .allowed : .denied(.notGranted))
            expect(anna, .write(channel, as: nil), .denied(.notGranted))
        }
        expect(try user("anna", write: ["*"]), .write(try #require(.photo("x")), as: nil), .allowed)
        // The list is no way to somebody else's notifications.
        expect(try user("anna", watch: ["*"]), .watch(try #require(.user("bert"))), .denied(.notOwner))
    }

    @Test func withoutAuthenticationOnlyTheAuthorRemoves() throws {
        for action in [Action.operate, .write(try #require(.video("v")), as: "x"), .remove(commentOf: "x"), .moderate] {
            expect(.unchecked, action, .allowed)
        }
        expect(.unchecked, .remove(commentOf: nil), .denied(.notOwner))
    }

    @Test(arguments: ["video", "video:", "film:1", "video:a b", "a b*", "**", "*x", "video:*:x", "", "video:v\u{0}"])
    func noPattern(text: String) {
        #expect(ChannelPatterns([text]) == nil)
    }

    @Test func patternsAreBounded() {
        #expect(ChannelPatterns(Array(repeating: "*", count: 64)) != nil)
        #expect(ChannelPatterns(Array(repeating: "*", count: 65)) == nil)
    }

    @Test func ranges() throws {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.1"), ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("192.168.4.0/23", "192.168.5.255", "192.168.6.0"), ("::1", "::1", "::2"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"), ("0.0.0.0/0", "9.9.9.9", "::1"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1"),
        ] {
            let all = try #require(AddressRange(range))
            let (one, other) = (try #require(IPAddress(inside)), try #require(IPAddress(outside)))
            #expect(all.contains(one) && !all.contains(other), "\(range)")
        }
        for text in [
            "", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/+8", "::1/129", "localhost", "1.2.3.4/8/8",
        ] {
            #expect(AddressRange(text) == nil, "\(text)")
        }
        #expect(IPAddress("2001:db8:1:2:3:4:5:6")?.limitKey == "2001:db8:1:2::")
        #expect(IPAddress("::ffff:1.2.3.4")?.limitKey == "1.2.3.4")
    }
}
