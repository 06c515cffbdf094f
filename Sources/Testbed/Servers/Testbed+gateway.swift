extension Testbed {
    /// Starts the gateway for the services that were added so far; not waited for.
    ///
    /// - Parameters:
    ///   - script: `deploy/gateway/gateway.sh`, which runs nginx.
    ///   - authentication: `AUTH` of the services.
    ///   - media: the folder of uploaded pictures.
    public func addGateway(
        script: String, port: Int, authentication: String, media: String? = nil
    ) async throws -> Node {
        func addresses(_ role: Node.Role) -> String {
            nodes.filter { $0.role == role }.map { "127.0.0.1:\($0.port)" }.joined(separator: " ")
        }
        let directory = try makeDirectory("gateway")
        var specification = ChildSpecification(
            name: "gateway", executable: try binaries.system("sh", package: "dash"), arguments: [script, "run"],
            environment: [
                "PATH": binaries.searchPath.joined(separator: ":"),
                "GATEWAY_FOLDER": directory, "GATEWAY_HOST": "127.0.0.1", "GATEWAY_PORT": "\(port)",
                "GATEWAY_COMMENT_APIS": addresses(.commentAPI), "GATEWAY_LIKE_APIS": addresses(.likeAPI),
                "GATEWAY_STATS_APIS": addresses(.statistics), "GATEWAY_SOCIAL_APIS": addresses(.socialAPI),
                "GATEWAY_READERS": addresses(.reader), "GATEWAY_AUTH": authentication,
                "GATEWAY_MEDIA": media ?? "off", "GATEWAY_STOP_SECONDS": "1",
            ],
            log: folders.log("gateway"), phase: .clients)
        // Were its first process killed, the others would stay, with the port.
        specification.deathSignal = .quit
        return try await add(
            .gateway, specification, port: port, directory: directory, readiness: .http(path: "/health"))
    }
}
