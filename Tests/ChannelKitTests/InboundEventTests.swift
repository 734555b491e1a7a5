import ChannelKit
import ParleyCore
import Testing

/// Ids come from outside, and databases look them up.
@Suite struct InboundEventTests {
    private func event(_ id: String) -> InboundEvent {
        InboundEvent(
            kind: .message,
            dedupeKey: id,
            conversationKey: id,
            position: 1,
            occurredAt: Timestamp(seconds: 1_760_000_000),
            sender: InboundEvent.Sender(channelUserID: id),
            platformMessageID: id
        )
    }

    private func ids(_ event: InboundEvent) -> [String?] {
        [event.dedupeKey, event.conversationKey, event.sender?.channelUserID, event.platformMessageID]
    }

    @Test(arguments: ["1760000000.000100", "wamid.HBgL=", String(repeating: "x", count: Limits.keyBytes), "é🛍️"])
    func `an id that a platform may have stays as it is`(_ id: String) {
        #expect(ids(event(id)) == [id, id, id, id])
    }

    @Test func `an id that is too long for an index stays itself, and one of its own`() throws {
        let long = ["a", "b"].map { String(repeating: "🛍️", count: 2000) + $0 }
        let keys = long.map { ids(event($0)).compactMap(\.self) }
        for key in keys.joined() { #expect(key.utf8.count <= Limits.keyBytes) }
        #expect(Set(keys.joined()).count == 2)
        #expect(event(long[0]) == event(long[0]))
        // What was read from the inbox is the same again.
        #expect(InboundEvent(json: event(long[0]).json) == event(long[0]))
    }

    @Test func `an id with a character that no database keeps is kept without it`() {
        for id in ["a\u{0}b", String(repeating: "a\u{0}", count: 2000)] {
            for key in ids(event(id)) { #expect(key?.utf8.contains(0) == false) }
            #expect(InboundEvent(json: event(id).json) == event(id))
        }
        #expect(event("a\u{0}b").dedupeKey != event("ab").dedupeKey)
    }
}
