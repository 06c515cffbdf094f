internal import SocketLoop

/// A viewer's number on its loop; also the tag of its socket.
typealias ViewerID = UInt32

/// A channel's number on a Reader. The registry gives it to another one when nobody watches the channel any more.
typealias TopicID = UInt32

/// What follows one log on one connection, as its loop sees it: a stream, or a subscription of a session of Socket.IO.
struct Viewer {
    struct Membership {
        var topic: TopicID
        /// Its index in the topic's ring, or `none` while it is not in the ring.
        var index: UInt32

        static let none = UInt32.max
    }

    /// Of a stream, or of its session; none while that polls.
    var socket: SocketHandle
    /// Its session of Socket.IO; ``none`` for a stream.
    var session = Viewer.none
    /// The channel that it follows; nearly everybody follows one.
    var first: Membership
    /// The others, for a page of photos.
    var others: [Membership]

    static let none = UInt32.max

    var topics: [TopicID] { [first.topic] + others.map(\.topic) }

    func index(in topic: TopicID) -> UInt32 {
        if first.topic == topic { return first.index }
        return others.first { $0.topic == topic }?.index ?? Membership.none
    }

    mutating func setIndex(_ index: UInt32, in topic: TopicID) {
        if first.topic == topic {
            first.index = index
        } else if let position = others.firstIndex(where: { $0.topic == topic }) {
            others[position].index = index
        }
    }
}

extension SocketHandle {
    static var none: SocketHandle { SocketHandle(index: .max, generation: .max) }
}
