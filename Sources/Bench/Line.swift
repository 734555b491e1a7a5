import NIOCore
import NIOPosix
import Synchronization

/// Keep-alive HTTP/1.1 connections that send ready-made bytes and read little more than the status: the generator must
/// be cheaper than what it measures.
struct Line: Sendable {
    private let channels: [any Channel]
    private let next = Counter()

    /// - Parameter answered: told every status; what it returns is sent on the same connection.
    static func open(
        _ connections: Int,
        to port: Int,
        on group: any EventLoopGroup,
        answered: @escaping @Sendable (Int) -> ByteBuffer?
    ) async throws -> Line {
        var channels: [any Channel] = []
        for _ in 0..<connections {
            channels.append(
                try await ClientBootstrap(group: group)
                    .channelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(AnswerReader(answered))
                        }
                    }
                    .connect(host: "127.0.0.1", port: port).get()
            )
        }
        return Line(channels: channels)
    }

    var eventLoop: any EventLoop { channels[0].eventLoop }

    /// Sends on one connection after the other.
    func send(_ bytes: ByteBuffer) {
        let index = next.add(1) % channels.count
        channels[index].writeAndFlush(bytes, promise: nil)
    }

    /// Sends one on every connection.
    func sendOnEach(_ bytes: () -> ByteBuffer?) {
        for channel in channels { if let bytes = bytes() { channel.writeAndFlush(bytes, promise: nil) } }
    }

    func close() async {
        for channel in channels { try? await channel.close().get() }
    }
}

final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    /// The value before.
    func add(_ amount: Int) -> Int { value.add(amount, ordering: .relaxed).oldValue }
    var count: Int { value.load(ordering: .relaxed) }
}

/// Finds where answers end, by `content-length`, and tells their status.
private final class AnswerReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answered: @Sendable (Int) -> ByteBuffer?
    private var unread = ByteBuffer()

    init(_ answered: @escaping @Sendable (Int) -> ByteBuffer?) { self.answered = answered }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if unread.readableBytes > 0 {
            unread.writeBuffer(&bytes)
        } else {
            unread = bytes
        }
        while let status = nextStatus() {
            if let more = answered(status) { context.writeAndFlush(wrapOutboundOut(more), promise: nil) }
        }
        if unread.readableBytes == 0 { unread.clear() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func nextStatus() -> Int? {
        let parsed = unread.withUnsafeReadableBytes { bytes -> (status: Int, count: Int)? in
            guard bytes.count >= 16, let head = Self.headEnd(bytes) else { return nil }
            let count = head + Self.contentLength(bytes, upTo: head)
            guard bytes.count >= count else { return nil }
            let status = bytes[9..<12].reduce(0) { $0 * 10 + Int($1 &- UInt8(ascii: "0")) }
            return (status, count)
        }
        guard let parsed else { return nil }
        unread.moveReaderIndex(forwardBy: parsed.count)
        return parsed.status
    }

    private static func headEnd(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var index = 3
        while index < bytes.count {
            if bytes[index] == 0x0A, bytes[index - 2] == 0x0A { return index + 1 }
            index += 1
        }
        return nil
    }

    private static let name = Array("content-length:".utf8)

    private static func contentLength(_ bytes: UnsafeRawBufferPointer, upTo end: Int) -> Int {
        var line = 0
        while line < end {
            if end - line > name.count, bytes[line] | 0x20 == name[0],
                (0..<name.count).allSatisfy({ bytes[line + $0] | 0x20 == name[$0] | 0x20 })
            {
                return bytes[(line + name.count)..<end].lazy
                    .drop { $0 == 0x20 }.prefix { (0x30...0x39).contains($0) }
                    .reduce(0) { $0 * 10 + Int($1 - 0x30) }
            }
            while line < end, bytes[line] != 0x0A { line += 1 }
            line += 1
        }
        return 0
    }
}
