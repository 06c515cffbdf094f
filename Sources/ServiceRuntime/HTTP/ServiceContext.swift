public import Hummingbird
public import NIOCore

/// What goes with each request.
public struct ServiceContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// The connection that the request came on. A route that takes the socket over needs it.
    public let channel: any Channel
    /// Counts what is refused; set by ``ServiceResponder``.
    var monitor: HTTPMonitor?

    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}
