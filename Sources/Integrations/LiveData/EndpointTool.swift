import AgentKit
import CoordinationKit
import ParleyCore

/// A tool that asks a business's own shop or service, and says when it was asked.
///
/// The model reads `{"as_of": "12:04", "fetched_seconds_ago": 0, "result": …}`; the time is UTC and that of the fetching,
/// also when the answer comes from the cache. What goes wrong is told as `{"error", "suggestion"}` without any address.
package struct EndpointTool: Tool {
    private let source: DataSource
    private let endpoint: EndpointDefinition
    private let transport: any HTTPTransport
    private let cache: any ResponseCache
    private let clock: any Clockwork

    package init(
        source: DataSource,
        endpoint: EndpointDefinition,
        transport: any HTTPTransport,
        cache: any ResponseCache,
        clock: any Clockwork
    ) {
        self.source = source
        self.endpoint = endpoint
        self.transport = transport
        self.cache = cache
        self.clock = clock
    }

    package var definition: ToolDefinition { endpoint.definition }
    package var isReadOnly: Bool { endpoint.method == .get }

    package func call(_ arguments: JSON, in context: ToolContext) async -> ToolResult {
        // A tool of one business in the hands of another is a fault of ours; nothing must come of it.
        guard context.businessID == source.businessID else { return failure(.misconfigured) }
        let values = declaredArguments(in: arguments)
        do throws(Failure) {
            let call = try request(values)
            let key = cacheKey(values)
            if isReadOnly, let cached = await cache.value(for: key, at: clock.now),
                let result = try? JSON(parsing: cached.value)
            {
                return told(result, fetchedAt: cached.keptAt, isCacheHit: true)
            }
            let answer = try await fetch(call)
            let result = ResponseMapping(mapping: endpoint.responseMapping).apply(to: answer) { values[$0] }
            let bytes = result.encoded()
            guard bytes.count <= Limits.toolResultBytes - 128 else { throw .unreadable }
            let now = clock.now
            if isReadOnly, endpoint.cacheSeconds > 0 {
                let expiry = now.advanced(by: .seconds(min(endpoint.cacheSeconds, 86_400)))
                await cache.keep(bytes, for: key, until: expiry, at: now)
            }
            return told(result, fetchedAt: now, isCacheHit: false)
        } catch {
            return failure(error)
        }
    }

    private func told(_ result: JSON, fetchedAt: Timestamp, isCacheHit: Bool) -> ToolResult {
        let age = max(0, clock.now.since(fetchedAt).microseconds / 1_000_000)
        let content: JSON = [
            "as_of": JSON(fetchedAt.hourAndMinute), "fetched_seconds_ago": JSON(age), "result": result,
        ]
        return ToolResult(content.description, isCacheHit: isCacheHit)
    }
}

// MARK: - Asking

extension EndpointTool {
    private enum Failure: Error, Equatable {
        case slow, unreachable, refused, busy, unknown, unreadable, misconfigured
        case argument(String)
    }

    /// Those arguments that the schema declares: a model's inventions reach neither the shop nor the cache's key.
    private func declaredArguments(in arguments: JSON) -> [String: String] {
        var values: [String: String] = [:]
        for property in endpoint.parameters["properties"]?.object?.members ?? [] {
            guard let value = arguments[property.key]?.text else { continue }
            let words = value.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            if !words.isEmpty { values[property.key] = words }
        }
        return values
    }

    private func request(_ values: [String: String]) throws(Failure) -> HTTPCall {
        for required in (endpoint.parameters["required"]?.array ?? []).compactMap(\.string)
        where values[required] == nil {
            throw .argument(required)
        }
        let path: String
        do throws(PathTemplate.Failure) {
            path = try PathTemplate(text: endpoint.pathTemplate).filled { values[$0] }
        } catch {
            switch error {
            case .missing(let argument), .unsuitable(let argument): throw .argument(argument)
            case .malformed: throw .misconfigured
            }
        }
        var base = Substring(source.baseURL)
        while base.hasSuffix("/") { base.removeLast() }
        let url = base + path
        guard !base.contains("?"), !base.contains("#"),
            OutboundAddress.refusal(of: String(url), allowsPrivate: source.allowsPrivate) == nil
        else { throw .misconfigured }
        var headers: [(name: String, value: String)] = [("accept", "application/json")]
        for header in source.authHeaders {
            let value = header.value.reveal { $0 }
            guard Self.isHeaderSafe(header.name), Self.isHeaderSafe(value) else { throw .misconfigured }
            headers.append((header.name, value))
        }
        var body: [UInt8] = []
        if !isReadOnly {
            let members = values.sorted { $0.key < $1.key }.map {
                JSONObject.Member(key: $0.key, value: JSON($0.value))
            }
            body = JSON.object(JSONObject(members)).encoded()
            headers.append(("content-type", "application/json"))
        }
        return HTTPCall(endpoint.method, String(url), headers: headers, body: body, timeout: timeout)
    }

    private static func isHeaderSafe(_ text: String) -> Bool { text.utf8.allSatisfy { (0x20..<0x7F).contains($0) } }

    /// An endpoint may be quicker or slower than its source, never slower than a turn bears.
    private var timeout: Duration {
        guard let milliseconds = endpoint.timeoutMilliseconds else { return min(source.timeout, .seconds(30)) }
        return .milliseconds(min(max(milliseconds, 1), 30_000))
    }

    private func fetch(_ call: HTTPCall) async throws(Failure) -> JSON {
        let answer: HTTPAnswer
        do {
            answer = try await withDeadline(timeout, clock) { [transport] in try await transport.send(call) }
        } catch let error as TransportError {
            switch error {
            case .notConnected: throw .unreachable
            case .noAnswer: throw .slow
            case .answerTooLarge: throw .unreadable
            case .invalidURL: throw .misconfigured
            }
        } catch {
            throw .slow
        }
        switch answer.status {
        case 200..<300: break
        case 404, 410: throw .unknown
        case 429: throw .busy
        case 300..<500: throw .refused
        default: throw .unreachable
        }
        guard let json = answer.json else { throw .unreadable }
        return json
    }

    private func cacheKey(_ values: [String: String]) -> CacheKey {
        let matched = endpoint.responseMapping["match"]?["argument"]?.string
        let members = values.sorted { $0.key < $1.key }.map { name, value in
            // A title is matched without case, so its case must not part two entries.
            JSONObject.Member(key: name, value: JSON(name == matched ? value.lowercased() : value))
        }
        return CacheKey(source.businessID, "endpoint/\(endpoint.id)/\(JSON.object(JSONObject(members)))")
    }

    private func failure(_ failure: Failure) -> ToolResult {
        let name = source.spokenName
        let reason =
            switch failure {
            case .slow: "the \(name) did not answer in time"
            case .unreachable: "the \(name) cannot be reached"
            case .refused, .misconfigured: "the \(name) could not be asked"
            case .busy: "the \(name) is too busy"
            case .unknown: "the \(name) knows nothing of that"
            case .unreadable: "the \(name)'s answer could not be read"
            case .argument(let argument): "the argument \(argument) is missing or unsuitable"
            }
        if case .argument(let argument) = failure {
            return ToolAnswer.error(reason, suggestion: "ask the customer for the \(argument.replacingUnderscores)")
        }
        return ToolAnswer.error(reason, suggestion: "offer to have a person follow up")
    }
}

extension String {
    fileprivate var replacingUnderscores: String { String(map { $0 == "_" ? " " : $0 }) }
}

/// Runs `operation`, and cancels it when it takes longer than `duration`: then ``TransportError/noAnswer``.
private func withDeadline<Value: Sendable>(
    _ duration: Duration,
    _ clock: any Clockwork,
    _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await operation() }
        group.addTask {
            try await clock.sleep(for: duration)
            throw TransportError.noAnswer
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw TransportError.noAnswer }
        return value
    }
}
