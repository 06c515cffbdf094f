/// One process's view of all Readers, and what it has placed since that view was made.
///
/// The announcements are of one moment, the own one included: fresh own counts against an old mean would push cold
/// channels away. What came since is a sample: each viewer is counted by the Reader that it asked *first*, so that
/// every process sees an equal part of the arrivals to all Readers. Counting those that a Reader serves would make each
/// Reader too loaded in its own eyes alone.
public struct PlacementBoard: Sendable {
    /// Channels whose arrivals are counted between two views; those beyond are placed by the announcements alone.
    public static let channelsMax = 4_096

    private struct Place: Hashable, Sendable {
        let channel: String
        let reader: String
    }

    public let policy: PlacementPolicy
    public private(set) var views = ReaderViews([ReaderView]())
    /// Viewers that one counted viewer stands for.
    private(set) var weight = 1
    /// Counted since the views were announced.
    private var counted = 0
    private var arrivals: [Place: Int] = [:]
    /// Filled since the announcements, by the count of this process: the Reader's own word takes a view more to come.
    private var filled: Set<Place> = []

    public init(policy: PlacementPolicy) {
        self.policy = policy
    }

    /// Takes the announcements of all Readers.
    public mutating func announced(_ readers: some Sequence<ReaderView>) {
        let before = views.connections - counted * weight
        views = ReaderViews(readers)
        // Fewer say too little. All Readers asked alike, a counted viewer stands for as many as there are Readers.
        if counted >= 20 {
            weight = min(max((views.connections - before) / counted, 1), max(views.open, 1))
        }
        for place in filled { views.filled(place.channel, on: place.reader) }
        filled = []
        arrivals = [:]
        counted = 0
    }

    /// What Reader `id` does with a viewer of `channel` that was redirected `hops` times.
    ///
    /// - Parameters:
    ///   - isClosed: Reader `id` takes no more viewers, whatever its last announcement says.
    ///   - turn: see ``PlacementPolicy/choose(for:in:turn:)``.
    public mutating func place(
        channel: String, at id: String, hops: Int, isClosed: Bool, turn: UInt64
    ) -> PlacementDecision {
        let now = isClosed ? views.closing(id) : views
        let decision = policy.decide(channel: channel, at: id, hops: hops, in: now, turn: turn)
        guard hops == 0 else { return decision }
        switch decision {
        case .serve: count(channel, on: id)
        case .redirect(let other): count(channel, on: other)
        case .refuse: break
        }
        return decision
    }

    /// The Reader for the next viewer of `channel`, who is not counted.
    public func locate(channel: String, at id: String, isClosed: Bool, turn: UInt64) -> ReaderView? {
        policy.choose(for: channel, in: isClosed ? views.closing(id) : views, turn: turn)
    }

    private mutating func count(_ channel: String, on reader: String) {
        counted += 1
        views.placed(weight, on: reader)
        guard policy.strategy == .overflow else { return }
        let place = Place(channel: channel, reader: reader)
        guard arrivals[place] != nil || arrivals.count < Self.channelsMax else { return }
        let viewers = arrivals[place, default: 0] + weight
        arrivals[place] = viewers
        if viewers >= policy.limits.partMax(mean: views.mean) {
            filled.insert(place)
            views.filled(channel, on: reader)
        }
    }
}
