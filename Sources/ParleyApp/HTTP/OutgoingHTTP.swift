import AsyncAlgorithms
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import ParleyCore

/// The one HTTP client of the process, over AsyncHTTPClient. Redirects are never followed, answers are bounded.
package struct OutgoingHTTP: HTTPTransport {
    private let client: HTTPClient

    package init(_ client: HTTPClient) { self.client = client }

    /// A client with the settings that ``OutgoingHTTP`` relies on; to be shut down by whoever made it.
    package static func makeClient() -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: HTTPClient.Configuration.Timeout(connect: .seconds(5)),
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        // Every turn may be waiting for the same model, and every delivery for the same platform: whoever is let in by
        // the limits of the pipeline must not queue for a connection then. Idle ones are closed soon.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit =
            Limits.turnsAtOnce + Limits.deliveriesAtOnce
        configuration.connectionPool.idleTimeout = .seconds(30)
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    package func send(_ call: HTTPCall) async throws -> HTTPAnswer {
        try await exchange(call) { response in
            let body = try await response.body.collect(upTo: call.maximumAnswerBytes)
            return HTTPAnswer(
                status: Int(response.status.code),
                headers: response.headers.map { ($0.name, $0.value) },
                body: Array(body.readableBytesView)
            )
        }
    }

    package func stream<Result: Sendable>(
        _ call: HTTPCall,
        _ body: @Sendable (HTTPStream) async throws -> Result
    ) async throws -> Result {
        try await exchange(call) { response in
            let pieces = AsyncThrowingChannel<[UInt8], any Error>()
            return try await withThrowingTaskGroup(of: Void.self) { group in
                // One piece at a time: what nobody reads stays in the socket.
                group.addTask {
                    do {
                        for try await piece in response.body { await pieces.send(Array(piece.readableBytesView)) }
                        pieces.finish()
                    } catch {
                        pieces.fail(TransportError(error))
                    }
                }
                defer { group.cancelAll() }
                return try await body(
                    HTTPStream(
                        status: Int(response.status.code),
                        headers: response.headers.map { ($0.name, $0.value) },
                        next: {
                            var iterator = pieces.makeAsyncIterator()
                            return try await iterator.next()
                        }
                    )
                )
            }
        }
    }

    private func exchange<Result: Sendable>(
        _ call: HTTPCall,
        _ read: (HTTPClientResponse) async throws -> Result
    ) async throws -> Result {
        var request = HTTPClientRequest(url: call.url)
        request.method = HTTPMethod(rawValue: call.method.rawValue)
        for header in call.headers { request.headers.add(name: header.name, value: header.value) }
        if !call.body.isEmpty { request.body = .bytes(ByteBuffer(bytes: call.body)) }
        do {
            return try await read(try await client.execute(request, timeout: TimeAmount(call.timeout)))
        } catch let error as HTTPClientError {
            throw TransportError(error)
        } catch let error as NIOConnectionError {
            throw TransportError(error)
        } catch is NIOTooManyBytesError {
            throw TransportError.answerTooLarge
        } catch let error as IOError {
            throw TransportError(error)
        } catch let error as ChannelError {
            throw TransportError(error)
        } catch let error as HTTPParserError {
            // The answer broke off, or is none.
            throw TransportError(error)
        }
    }
}

extension TransportError {
    /// What an AsyncHTTPClient or NIO error means for whether the call may have been carried out.
    fileprivate init(_ error: any Error) {
        switch error {
        case let error as TransportError: self = error
        case is NIOConnectionError: self = .notConnected
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout: self = .notConnected
            case .invalidURL, .emptyHost, .missingSocketPath: self = .invalidURL
            default: self = .noAnswer
            }
        default: self = .noAnswer
        }
    }
}
