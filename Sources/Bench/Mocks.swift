import NIOCore
import NIOHTTP1
import NIOPosix
import ParleyCore
import Synchronization

/// A language model and Slack's Web API that answer at once (or as slowly as they are told), in the generator's process.
///
/// The model streams: a call of `search_knowledge` first, if it is told to, and a sentence then.
final class Mocks: Sendable {
    struct Behaviour: Sendable {
        var callsTool = false
        var delay: TimeAmount = .zero
        /// Told the Slack channel of every message as it arrives.
        var replied: @Sendable (String) -> Void = { _ in }
    }

    private let behaviour = Mutex(Behaviour())
    private let waiting = Atomic<Int>(0)
    let modelCalls = Counter()
    let messages = Counter()

    /// Model calls that are waited for at this moment.
    var waitingCount: Int { waiting.load(ordering: .relaxed) }

    func behave(_ behaviour: Behaviour) { self.behaviour.withLock { $0 = behaviour } }

    /// Listens on a port of the system's choice.
    func listen(on group: any EventLoopGroup) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 2048)
            .childChannelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(MockHandler(self))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    /// What is answered, how, and after which wait.
    fileprivate func answer(_ path: String, _ body: ByteBuffer) -> (type: String, body: [UInt8], delay: TimeAmount) {
        let behaviour = behaviour.withLock { $0 }
        if path.hasSuffix("/chat/completions") {
            _ = modelCalls.add(1)
            let isAnswered = !behaviour.callsTool || body.readableBytesView.contains(Self.toolRole)
            return ("text/event-stream", isAnswered ? Self.sentence : Self.toolCall, behaviour.delay)
        }
        guard path.hasSuffix("/chat.postMessage"),
            let channel = (try? JSON(parsing: body.readableBytesView))?["channel"]?.string
        else { return ("application/json", Array(#"{"ok":true}"#.utf8), .zero) }
        let number = messages.add(1)
        behaviour.replied(channel)
        let answer = #"{"ok":true,"channel":"\#(channel)","ts":"1800000000.\#(String(1_000_000 + number).suffix(6))"}"#
        return ("application/json", Array(answer.utf8), .zero)
    }

    fileprivate func beginWaiting() { waiting.add(1, ordering: .relaxed) }
    fileprivate func endWaiting() { waiting.subtract(1, ordering: .relaxed) }

    private static let toolRole = Array(#""role":"tool""#.utf8)
    private static let toolCall = stream([
        #"{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"search_knowledge","arguments":"{\"query\":\"opening hours\"}"}}]},"finish_reason":null}"#,
        #"{"index":0,"delta":{},"finish_reason":"tool_calls"}"#,
    ])
    private static let sentence = stream([
        #"{"index":0,"delta":{"role":"assistant","content":"Yes, we have it in stock"},"finish_reason":null}"#,
        #"{"index":0,"delta":{"content":", and it is in Leipzig tomorrow."},"finish_reason":null}"#,
        #"{"index":0,"delta":{},"finish_reason":"stop"}"#,
    ])

    private static func stream(_ choices: [String]) -> [UInt8] {
        let start =
            #"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"bench","choices":["#
        let pieces = choices.map { "\(start)\($0)]}\n\n" }
        let usage = start + #"],"usage":{"prompt_tokens":300,"completion_tokens":20,"total_tokens":320}}"# + "\n\n"
        return Array((pieces.joined() + usage + "data: [DONE]\n\n").utf8)
    }
}

private final class MockHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let mocks: Mocks
    private var path = ""
    private var body = ByteBuffer()

    init(_ mocks: Mocks) { self.mocks = mocks }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            path = head.uri
            body.clear()
        case .body(var piece): body.writeBuffer(&piece)
        case .end:
            let answer = mocks.answer(path, body)
            guard answer.delay > .zero else { return write(answer.type, answer.body, context) }
            mocks.beginWaiting()
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: answer.delay) {
                let (handler, context) = bound.value
                handler.mocks.endWaiting()
                if context.channel.isActive { handler.write(answer.type, answer.body, context) }
            }
        }
    }

    private func write(_ type: String, _ body: [UInt8], _ context: ChannelHandlerContext) {
        let headers: HTTPHeaders = ["content-type": type, "content-length": String(body.count)]
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers))),
            promise: nil
        )
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}

extension ByteBufferView {
    fileprivate func contains(_ word: [UInt8]) -> Bool { firstRange(of: word) != nil }
}
