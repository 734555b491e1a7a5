import CHiredis
import NIOCore

/// Turns bytes into replies with hiredis' reader. Not thread-safe; lives on one event loop.
final class RedisReader {
    // The reader keeps a pointer to these for as long as it lives.
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private let reader: UnsafeMutablePointer<redisReader>?

    init() {
        functions = .allocate(capacity: 1)
        functions.initialize(to: ReplyNode.functions)
        reader = redisReaderCreateWithFunctions(functions)
    }

    deinit {
        if let reader { redisReaderFree(reader) }
        functions.deinitialize(count: 1)
        functions.deallocate()
    }

    /// The replies that `bytes` complete, in order.
    func read(_ bytes: inout ByteBuffer) throws(RedisError) -> [RedisValue] {
        guard let reader else { throw .unreadable }
        let isFed = bytes.readWithUnsafeReadableBytes { pointer in
            let status = redisReaderFeed(reader, pointer.assumingMemoryBound(to: CChar.self).baseAddress, pointer.count)
            return (pointer.count, status == REDIS_OK)
        }
        guard isFed else { throw .unreadable }
        var replies: [RedisValue] = []
        while true {
            var reply: UnsafeMutableRawPointer?
            guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw .unreadable }
            guard let reply else { break }
            replies.append(ReplyNode.take(reply).value)
        }
        guard reader.pointee.len - reader.pointee.pos <= RedisLimits.replyBytes else { throw .unreadable }
        return replies
    }
}

/// A reply, or part of one, while hiredis puts it together.
private final class ReplyNode {
    private let own: RedisValue
    private let isArray: Bool
    private var children: [ReplyNode] = []

    private init(_ own: RedisValue, isArray: Bool = false) {
        self.own = own
        self.isArray = isArray
    }

    var value: RedisValue { isArray ? .array(children.map(\.value)) : own }

    static func take(_ pointer: UnsafeMutableRawPointer) -> ReplyNode {
        Unmanaged<ReplyNode>.fromOpaque(pointer).takeRetainedValue()
    }

    // The root is owned by the reader, everything else by its parent.
    private func handOver(_ task: UnsafePointer<redisReadTask>) -> UnsafeMutableRawPointer {
        guard let parent = task.pointee.parent?.pointee.obj else { return Unmanaged.passRetained(self).toOpaque() }
        Unmanaged<ReplyNode>.fromOpaque(parent).takeUnretainedValue().children.append(self)
        return Unmanaged.passUnretained(self).toOpaque()
    }

    static var functions: redisReplyObjectFunctions {
        var functions = redisReplyObjectFunctions()
        functions.createString = { task, text, length in
            guard let task, let text else { return nil }
            let bytes = UnsafeRawBufferPointer(start: text, count: length)
            let value: RedisValue =
                switch task.pointee.type {
                case REDIS_REPLY_STATUS: .status(String(decoding: bytes, as: UTF8.self))
                case REDIS_REPLY_ERROR:
                    .error(code: String(decoding: bytes.prefix { $0 != UInt8(ascii: " ") }.prefix(32), as: UTF8.self))
                default: .bytes(Array(bytes))
                }
            return ReplyNode(value).handOver(task)
        }
        functions.createArray = { task, count in
            // Nil is an error: the connection is closed.
            guard let task, count <= RedisLimits.replyElements else { return nil }
            return ReplyNode(.null, isArray: true).handOver(task)
        }
        functions.createInteger = { task, number in
            guard let task else { return nil }
            return ReplyNode(.integer(number)).handOver(task)
        }
        functions.createNil = { task in
            guard let task else { return nil }
            return ReplyNode(.null).handOver(task)
        }
        functions.freeObject = { pointer in
            if let pointer { _ = ReplyNode.take(pointer) }
        }
        return functions
    }
}
