/// The commands that begin every connection; each answers `OK`.
struct Login {
    let endpoint: RedisEndpoint
    /// What `CLIENT LIST` shows; empty for none.
    let name: String

    var commands: [RedisCommand] {
        var commands: [RedisCommand] = []
        if let password = endpoint.password {
            commands.append(RedisCommand("AUTH", [endpoint.user, password].compactMap { $0 }))
        }
        if endpoint.database != 0 { commands.append(RedisCommand("SELECT", String(endpoint.database))) }
        if !name.isEmpty { commands.append(RedisCommand("CLIENT", "SETNAME", name)) }
        return commands
    }
}
