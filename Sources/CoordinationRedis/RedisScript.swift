import Crypto
import ParleyCore

/// A Lua script, sent by its digest and in full only when the server does not have it.
struct RedisScript: Sendable {
    private let text: String
    private let digest: String

    init(_ text: String) {
        self.text = text
        // Redis names scripts by SHA-1; nothing is protected by it.
        digest = Hex.encode(Insecure.SHA1.hash(data: Array(text.utf8)))
    }

    func run(
        _ client: RedisClient,
        keys: [String],
        _ arguments: any RedisArgument...
    ) async throws(RedisError) -> RedisValue {
        let rest: [any RedisArgument] = [keys.count] + keys + arguments
        do throws(RedisError) {
            return try await client.call(RedisCommand("EVALSHA", [digest] + rest))
        } catch {
            guard error == .refused(code: "NOSCRIPT") else { throw error }
            return try await client.call(RedisCommand("EVAL", [text] + rest))
        }
    }
}
