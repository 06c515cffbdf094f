import Audience
import Placement
import Testbed

extension Audience {
    /// The audience of a command's arguments.
    ///
    /// - Throws: ``Failure/arguments(_:)`` when it cannot be made of so few viewers.
    static func of(
        _ spec: AudienceSpec, channels: Int, viewers: Int, seed: UInt64, crowdShare: Double? = nil
    ) throws(Failure) -> Audience {
        do {
            return try Audience(spec, channels: channels, viewers: viewers, seed: seed, crowdShare: crowdShare)
        } catch {
            throw .arguments([error.description])
        }
    }
}
