import CoordinationKit
import ParleyCore
import Pipeline
import Storage
import Testing

/// What turns leave behind survives its way through Redis, and nothing strange is taken for it.
@Suite struct RecollectionTests {
    private let session = SessionHint(
        conversationID: ID(at: SystemClock().now),
        sessionID: ID(at: SystemClock().now),
        messageCount: 41,
        lastActivityAt: Timestamp(microseconds: 1_760_000_000_000_001)
    )

    private func messages(_ count: Int) -> [RememberedMessage] {
        let roles: [RememberedMessage.Role] = [.user, .assistant, .system, .human]
        return (0..<count).map { number in
            RememberedMessage(
                id: ID(at: SystemClock().now),
                role: roles[number % roles.count],
                content: "\(number) \"quoted\" 🛍️\u{0}\n" + String(repeating: "é", count: number * 50),
                senderName: number.isMultiple(of: 3) ? "Ada" : nil,
                createdAt: Timestamp(microseconds: 1_760_000_000_123_456 + Int64(number))
            )
        }
    }

    @Test func `what is encoded is read again`() throws {
        #expect(SessionHint(encoded: session.encoded) == session)
        for count in [0, 1, Limits.contextMessages] {
            let said = messages(count)
            let recent = RecentMessages(session: session, messages: said)
            let read = try #require(RecentMessages(encoded: recent.encoded))
            #expect(read.session == session)
            #expect(read.messages == said)
            #expect(read.weight == recent.weight)
            #expect(recent.weight >= recent.messages.reduce(0) { $0 + $1.content.utf8.count })
        }
    }

    @Test func `what is anything else is no hint`() {
        let recent = RecentMessages(session: session, messages: messages(4)).encoded
        let text = String(decoding: recent, as: UTF8.self)
        let strange = [
            "", "null", "{}", "[]", "7", "{\"session\":{}}", String(text.dropLast()),
            text.replacing("\"messages\"", with: "\"texts\""),
            text.replacing("\"role\":\"user\"", with: "\"role\":\"robot\""),
            text.replacing("\"assistant\"", with: "\"robot\""),
            text.replacing("\"message_count\":41", with: "\"message_count\":4.5"),
            text.replacing("\(session.sessionID)", with: "somebody's"),
        ]
        for text in strange {
            #expect(SessionHint(encoded: Array(text.utf8)) == nil, "\(text.prefix(60))")
            #expect(RecentMessages(encoded: Array(text.utf8)) == nil, "\(text.prefix(60))")
        }
    }
}
