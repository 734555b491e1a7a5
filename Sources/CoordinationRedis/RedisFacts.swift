import ParleyCore

/// What a server says of itself.
package struct RedisFacts: Sendable, Equatable {
    /// `7.0.15`, as the server writes it.
    package let version: String
    /// `maxmemory_policy`; nil where the user may not see it.
    package let evictionPolicy: String?

    /// 6.2 brought GETEX, by which a session lives on as it is read.
    package var isNewEnough: Bool {
        let numbers = version.split(separator: ".").map { Int($0) ?? 0 }
        guard let major = numbers.first else { return false }
        return major > 6 || (major == 6 && numbers.count > 1 && numbers[1] >= 2)
    }

    /// Connects once and asks.
    package static func ask(_ address: RedisAddress) async throws(RedisError) -> RedisFacts {
        let link = try await RedisConnector(address: address, clientName: "parley-doctor").connect()
        do throws(RedisError) {
            let server = try await link.call(RedisCommand("INFO", "server"), within: RedisLimits.connectDeadline)
            let memory = try await link.call(RedisCommand("INFO", "memory"), within: RedisLimits.connectDeadline)
            await link.close()
            return RedisFacts(
                version: field("redis_version", of: server) ?? "unknown",
                evictionPolicy: field("maxmemory_policy", of: memory)
            )
        } catch {
            await link.close()
            throw error
        }
    }

    private static func field(_ name: String, of information: RedisValue) -> String? {
        guard let line = information.text?.split(separator: "\r\n").first(where: { $0.hasPrefix("\(name):") }) else {
            return nil
        }
        return String(line.dropFirst(name.count + 1))
    }
}
