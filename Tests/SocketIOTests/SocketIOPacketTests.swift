import SocketIO
import Testing

@Suite struct SocketIOPacketTests {
    typealias Packet = SocketIOPacket

    private static func parse(_ text: String) throws -> (SocketIOPacket, attachments: Int) {
        try Packet.parse(text.utf8)
    }

    private static func message(_ text: String) -> EngineIOPacket { .message(Array(text.utf8)) }

    @Test(arguments: [
        ("0", Packet(.connect)), ("0/custom,", Packet(.connect, namespace: "/custom")),
        ("0/custom", Packet(.connect, namespace: "/custom")),
        (#"0{"token":"123"}"#, Packet(.connect, data: Array(#"{"token":"123"}"#.utf8))),
        (#"0/a?b=c,{"d":1}"#, Packet(.connect, namespace: "/a", data: Array(#"{"d":1}"#.utf8))),
        ("1", Packet(.disconnect)), ("1/admin,", Packet(.disconnect, namespace: "/admin")),
        (#"2["foo"]"#, Packet(.event, data: Array(#"["foo"]"#.utf8))),
        (#"2/admin,12["foo",1]"#, Packet(.event, namespace: "/admin", id: 12, data: Array(#"["foo",1]"#.utf8))),
        ("313[]", Packet(.ack, id: 13, data: Array("[]".utf8))),
        ("3/a,0[null]", Packet(.ack, namespace: "/a", id: 0, data: Array("[null]".utf8))),
    ]) func textsAreRead(text: String, packet: SocketIOPacket) throws {
        let (read, attachments) = try Self.parse(text)
        #expect(read == packet)
        #expect(attachments == 0)
    }

    @Test func attachmentsAreCounted() throws {
        let (packet, count) = try Self.parse(
            #"52-/a,7["m",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
        #expect(packet.kind == .binaryEvent && packet.namespace == "/a" && packet.id == 7 && count == 2)
        #expect(packet.event?.name == "m")
        #expect(packet.event?.arguments.count == 2)
    }

    @Test(arguments: [
        "", "a", "7", "8[]", "abc", "2", "2{}", #"2{"a":1}"#, "2[]", "2[1]", #"2["a""#, #"2["a"]x"#, #"2abc["a"]"#,
        #"2-1["a"]"#, #"299999999999999999["a"]"#, "3[]", "31{}", "0[]", "01", "0x", "1[]", "11", #"4{"message":"x"}"#,
        "4",
        #"5["a"]"#, #"50-["a"]"#, #"511-["a"]"#, #"5-["a"]"#, #"51["a"]"#, "6[]", "61-[]", #"2["a",]"#, #"2["a" "b"]"#,
        "2[\"a\u{1}\"]", #"2["\ud800"]"#,
    ]) func whatIsNoPacketIsRefused(text: String) {
        #expect(throws: Packet.Malformed.self) { try Self.parse(text) }
    }

    @Test func longNamespacesAndDeepDataAreRefused() {
        #expect(throws: Packet.Malformed.self) { try Self.parse("0/" + String(repeating: "a", count: 200) + ",") }
        let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        #expect(throws: Packet.Malformed.self) { try Self.parse(#"2["a","# + deep + "]") }
    }

    @Test func packetsAreWrittenAsClientsExpectThem() {
        func text(_ packet: SocketIOPacket) -> String { String(decoding: packet.encoded, as: UTF8.self) }
        #expect(text(Packet(event: "a\"b", [Array("1".utf8), Array("{}".utf8)])) == #"2["a\"b",1,{}]"#)
        #expect(text(Packet(.connect, namespace: "/custom", data: Array("{}".utf8))) == "0/custom,{}")
        #expect(text(Packet(.ack, id: 5, data: Array("[]".utf8))) == "35[]")
        let binary = Packet(.binaryAck, namespace: "/a", id: 5, data: Array("[1]".utf8), attachments: [[1], [2, 3]])
        #expect(text(binary) == "62-/a,5[1]")
        var seen: [[UInt8]] = []
        WebSocketFrame.forEachMessage(in: binary.frames) { seen.append([$0.rawValue] + $1) }
        #expect(seen == [[1] + "462-/a,5[1]".utf8, [2, 1], [2, 2, 3]])
    }

    // MARK: Connections

    private static func joined() throws -> SocketIOConnection {
        var connection = SocketIOConnection()
        _ = try connection.received(message("0"), bytesMax: 100)
        #expect(connection.accept("/") == true)
        return connection
    }

    @Test func nothingIsHeardBeforeTheClientHasJoined() throws {
        var connection = SocketIOConnection()
        #expect(throws: Packet.Malformed.self) { try connection.received(Self.message(#"2["a"]"#), bytesMax: 100) }
        #expect(!connection.hasJoined("/"))
        let asked = try connection.received(Self.message(#"0{"a":1}"#), bytesMax: 100)
        #expect(asked == .connect(namespace: "/", auth: Array(#"{"a":1}"#.utf8)))
        #expect(throws: Packet.Malformed.self) { try connection.received(Self.message(#"2["a"]"#), bytesMax: 100) }
        #expect(connection.accept("/") && connection.hasJoined("/"))
        #expect(throws: Packet.Malformed.self) { try connection.received(Self.message("0"), bytesMax: 100) }
        #expect(try connection.received(Self.message("1"), bytesMax: 100) == .disconnect(namespace: "/"))
        #expect(!connection.hasJoined("/"))
        #expect(connection.accept("/") == false, "it does not ask any more")
    }

    @Test func namespacesAreJoinedAndLeftOneByOne() throws {
        var connection = try Self.joined()
        _ = try connection.received(Self.message("0/custom"), bytesMax: 100)
        #expect(connection.accept("/custom") == true)
        _ = try connection.received(Self.message("0/other"), bytesMax: 100)
        connection.refuse("/other")
        #expect(!connection.hasJoined("/other"))
        #expect(try connection.received(Self.message("1/custom"), bytesMax: 100) == .disconnect(namespace: "/custom"))
        #expect(throws: Packet.Malformed.self) {
            try connection.received(Self.message(#"2/custom,["a"]"#), bytesMax: 100)
        }
        guard case .event = try connection.received(Self.message(#"2["a"]"#), bytesMax: 100) else {
            Issue.record("no event")
            return
        }
    }

    @Test(arguments: ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"])
    func reservedNamesAreRefused(name: String) throws {
        var connection = try Self.joined()
        #expect(throws: Packet.Malformed.self) {
            try connection.received(Self.message(#"2["\#(name)"]"#), bytesMax: 100)
        }
    }

    @Test func attachmentsComeBehindTheirPacketAndNothingBetween() throws {
        var connection = try Self.joined()
        let text = #"52-["m",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#
        #expect(try connection.received(Self.message(text), bytesMax: 4) == nil)
        #expect(try connection.received(.binary([1, 2]), bytesMax: 4) == nil)
        guard case .event(let packet) = try connection.received(.binary([3]), bytesMax: 4) else {
            Issue.record("no event")
            return
        }
        #expect(packet.attachments == [[1, 2], [3]])
        #expect(throws: Packet.Malformed.self) { try connection.received(.binary([3]), bytesMax: 4) }
        #expect(try connection.received(Self.message(text), bytesMax: 4) == nil)
        #expect(throws: Packet.Malformed.self) { try connection.received(Self.message(#"2["a"]"#), bytesMax: 4) }
        var large = try Self.joined()
        #expect(try large.received(Self.message(text), bytesMax: 4) == nil)
        #expect(throws: Packet.Malformed.self) { try large.received(.binary([1, 2, 3, 4, 5]), bytesMax: 4) }
    }
}
