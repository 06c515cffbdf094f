package import Placement
package import ServiceRuntime

/// How Readers find each other, and how viewers are placed on them.
package struct RegistrySettings: Sendable {
    package var strategy: PlacementStrategy
    package var limits: PlacementLimits
    package var publicURL: ServiceURL?
    package var interval: Duration
    /// How long a view of the Readers is used when no newer one can be read.
    package var viewAgeMax: Duration

    /// An entry that is not renewed is gone after this time.
    package var lifetime: Duration { interval * 4 }

    /// Whether the registry is needed.
    package var isUsed: Bool { strategy != .random || publicURL != nil }

    /// Whether other Readers may send viewers here.
    package var isTarget: Bool { strategy != .random && publicURL != nil }

    /// The defaults, for one strategy and address.
    package init(strategy: PlacementStrategy, publicURL: ServiceURL?) {
        self.strategy = strategy
        self.publicURL = publicURL
        limits = PlacementLimits()
        interval = .seconds(1)
        viewAgeMax = .seconds(30)
    }

    package init(from reader: inout SettingsReader) {
        publicURL = reader.optionalURL(
            "READER_PUBLIC_URL", schemes: ["http", "https"], isPublic: true,
            "Address under which viewers reach this Reader; unset: no viewer is sent to it.")
        strategy = reader.choice(
            "PLACEMENT", default: PlacementStrategy.overflow,
            "Which Reader serves a viewer; `random`: whoever is asked. The same for all Readers.")
        limits = PlacementLimits()
        limits.loadFactor = reader.number(
            "PLACEMENT_LOAD_FACTOR", default: 1.25, in: 1.01...10, unit: "times the mean",
            "Connections of a Reader over which viewers go to the next one; the same for all Readers.")
        limits.shedFactor = 1 + (limits.loadFactor - 1) / 2
        interval = reader.milliseconds(
            "PLACEMENT_ANNOUNCE_INTERVAL_MS", default: 1_000, in: 50...60_000,
            "How often a Reader announces itself and reads the others; it is forgotten after four times as long.")
        viewAgeMax = reader.seconds(
            "PLACEMENT_VIEW_SECONDS", default: 30, in: 1...3_600,
            "How long the last view of the Readers is used while Redis is away; then everybody serves whoever comes.")
    }
}
