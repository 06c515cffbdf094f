internal import Wire

/// What a hub has to do after a step of its ``HubCore``, in any order but for the deliveries, which go first.
struct Errands<Chair> {
    /// Frames for the loops. To be handed over before the core takes another step: their order is the core's order.
    var deliveries: Deliveries?
    /// Channels whose position has to be asked for.
    var locate: [HubState.Reading] = []
    /// Channels whose history has to be asked for.
    var repair: [HubState.Reading] = []
    /// Channels whose current states have to be asked for.
    var snapshot: [Channel] = []
    /// Viewers who come back, whose history has to be read.
    var resume: [ResumeGroup] = []
    /// Connects that may go on, or must be refused.
    var answers: [(chair: Chair, isAdmitted: Bool)] = []
}
