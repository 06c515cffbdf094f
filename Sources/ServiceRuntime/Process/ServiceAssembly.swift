public import Hummingbird
public import ServiceLifecycle

/// What a service consists of, once its settings are known.
public struct ServiceAssembly {
    public var router: Router<ServiceContext>
    /// In the order of dependency: started first to last, before the server; stopped last to first, after it.
    public var services: [any Service]
    /// Told to stop before the server is, while it still answers.
    public var farewell: (any Service)?
    /// Set when pages in browsers use the service.
    public var crossOrigin: CrossOriginPolicy?
    /// What an orderly stop takes by design, on top of which the limit for stops counts.
    public var drain: Duration

    public init(
        router: Router<ServiceContext>, services: [any Service] = [], crossOrigin: CrossOriginPolicy? = nil,
        drain: Duration = .zero, farewell: (any Service)? = nil
    ) {
        self.router = router
        self.services = services
        self.crossOrigin = crossOrigin
        self.drain = drain
        self.farewell = farewell
    }

    /// The services of the process in the order in which they start.
    public func services(with server: any Service) -> [any Service] {
        services + [server] + [farewell].compactMap { $0 }
    }
}
