import AsyncAlgorithms
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import ParleyCore
import Synchronization

/// The process's way out, over AsyncHTTPClient. Redirects are never followed, answers are bounded.
///
/// A client's pool copies the list of its connections whenever one is added: a thousand turns that wait for one model
/// would cost a hundred megabytes. So there are as many clients as are needed for each to have few calls under way; at
/// light load that is one, whose connections are used again and again.
package final class OutgoingHTTP: HTTPTransport {
    private struct Shelf {
        let client: HTTPClient
        var underWay = 0
    }

    private static let callsPerClient = 64

    private let shelves = Mutex<[Shelf]>([])

    package init() {}

    /// Ends all connections; to be called once, when nothing is under way any more.
    package func shutdown() async throws {
        let clients = shelves.withLock { shelves in
            defer { shelves = [] }
            return shelves.map(\.client)
        }
        for client in clients { try await client.shutdown() }
    }

    private func take() -> (index: Int, client: HTTPClient) {
        shelves.withLock { shelves in
            let index =
                shelves.firstIndex { $0.underWay < Self.callsPerClient }
                ?? {
                    shelves.append(Shelf(client: Self.makeClient()))
                    return shelves.count - 1
                }()
            shelves[index].underWay += 1
            return (index, shelves[index].client)
        }
    }

    private func giveBack(_ index: Int) {
        shelves.withLock { if $0.indices.contains(index) { $0[index].underWay -= 1 } }
    }

    private static func makeClient() -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: HTTPClient.Configuration.Timeout(connect: .seconds(5)),
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        // Nothing listens to the spans, and the functions that begin them cost every waiting call two kilobytes.
        configuration.tracing.tracer = nil
        // Whoever is let in must not queue for a connection. Idle ones are closed soon.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = callsPerClient
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
        if !call.body.isEmpty {
            let length = HTTPClientRequest.Body.Length.known(Int64(call.body.count))
            request.body =
                if let mayLeave = call.mayLeave {
                    .stream(LastMoment(body: ByteBuffer(bytes: call.body), mayLeave: mayLeave), length: length)
                } else {
                    // Copied into a buffer when it is sent, and not kept there while the answer is waited for.
                    .bytes(call.body, length: length)
                }
        }
        if call.mayLeave?() == false { throw TransportError.notConnected }
        let (index, client) = take()
        defer { giveBack(index) }
        do {
            return try await read(try await client.execute(request, timeout: TimeAmount(call.timeout)))
        } catch let error as TransportError {
            throw error
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

/// A body in one piece, whose sender is asked once more when the connection is ready to take it.
private struct LastMoment: AsyncSequence, Sendable {
    let body: ByteBuffer
    let mayLeave: @Sendable () -> Bool

    struct AsyncIterator: AsyncIteratorProtocol {
        var sequence: LastMoment?

        mutating func next() throws -> ByteBuffer? {
            guard let sequence else { return nil }
            guard sequence.mayLeave() else { throw TransportError.notConnected }
            self.sequence = nil
            return sequence.body
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(sequence: self) }
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
