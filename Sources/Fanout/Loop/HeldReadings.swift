/// Readings of histories that viewers on a loop are being fed from. Each counts once, however many share it, until the
/// last of them has everything.
struct HeldReadings {
    private var viewers: [UInt64: Set<ViewerID>] = [:]
    private(set) var bytes = 0

    var isEmpty: Bool { viewers.isEmpty }

    mutating func hold(_ reading: MissedLog.Reading, for viewer: ViewerID) {
        if viewers[reading.number] == nil { bytes += reading.bytes }
        viewers[reading.number, default: []].insert(viewer)
    }

    mutating func letGo(_ reading: MissedLog.Reading, by viewer: ViewerID) {
        guard viewers[reading.number]?.remove(viewer) != nil else { return }
        guard viewers[reading.number]?.isEmpty == true else { return }
        viewers[reading.number] = nil
        bytes -= reading.bytes
    }

    /// Those who have been at the oldest reading, if more than `max` bytes are held. One alone may be larger: who comes
    /// back to it would be sent away by it every time.
    func slowest(over max: Int) -> [ViewerID] {
        guard bytes > max, viewers.count > 1, let oldest = viewers.keys.min() else { return [] }
        return viewers[oldest]?.sorted() ?? []
    }
}
