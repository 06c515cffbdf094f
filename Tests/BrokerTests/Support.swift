import Wire

func video(_ id: String) -> Channel {
    guard let channel = Channel(.video, id: id) else { preconditionFailure("the ids of these tests keep the rule") }
    return channel
}

func payload(_ number: Int) -> [UInt8] { Array("data: {\"n\":\(number)}\n\n".utf8) }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
