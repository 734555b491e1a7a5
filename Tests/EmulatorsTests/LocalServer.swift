import AsyncHTTPClient
import Emulators
import Logging
import NIOCore
import NIOHTTP1
import ParleyCore
import ServiceLifecycle
import Testing

/// Serves an emulated world and whatever else `mount` adds on a port of the system's choosing.
func withServer<Result: Sendable>(
    world: EmulatedWorld? = nil,
    mounting service: @escaping @Sendable (EmulatedWorld, Logger) -> EmulatorService,
    _ body: (LocalClient) async throws -> Result
) async throws -> Result {
    let running = service(world ?? quietWorld(), quietLogger)
    let services = ServiceGroup(services: [running], logger: quietLogger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await services.run() }
        let port = try #require(await running.boundPort())
        // Shut down gently: NIO traps when a server is cancelled over a connection that it has just accepted.
        do {
            let result = try await body(LocalClient(base: "http://127.0.0.1:\(port)"))
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
            return result
        } catch {
            await services.triggerGracefulShutdown()
            throw error
        }
    }
}

func quietWorld() -> EmulatedWorld { EmulatedWorld(seed: 1, logger: quietLogger) }

private let quietLogger: Logger = {
    var logger = Logger(label: "emulators.tests")
    logger.logLevel = .critical
    return logger
}()

/// A plain HTTP client for one base URL.
struct LocalClient: Sendable {
    struct Answer: Sendable {
        var status: Int
        var headers: [String: String]
        var bytes: [UInt8]
        /// Whether the body ended as it should.
        var isComplete: Bool

        var text: String { String(decoding: bytes, as: UTF8.self) }
        var json: JSON? { try? JSON(parsing: bytes) }
        /// The data of each server-sent event.
        var events: [String] {
            text.split(separator: "\n").filter { $0.hasPrefix("data: ") }.map { String($0.dropFirst(6)) }
        }
        var chunks: [JSON] { events.compactMap { try? JSON(parsing: $0) } }
    }

    var base: String

    func get(_ path: String, headers: [(String, String)] = []) async throws -> Answer {
        try await send("GET", path, headers: headers, nil)
    }

    func send(
        _ method: String,
        _ path: String,
        headers: [(String, String)] = [("content-type", "application/json")],
        _ body: JSON?,
        timeout: TimeAmount = .seconds(10)
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = .RAW(value: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(body.encoded()) }
        let response = try await HTTPClient.shared.execute(request, timeout: timeout)
        var bytes: [UInt8] = []
        var isComplete = true
        do {
            for try await piece in response.body { bytes += piece.readableBytesView }
        } catch {
            isComplete = false
        }
        var fields: [String: String] = [:]
        for header in response.headers { fields[header.name.lowercased()] = header.value }
        return Answer(status: Int(response.status.code), headers: fields, bytes: bytes, isComplete: isComplete)
    }
}
