import ChannelKit
import ChannelSlack
import ParleyCore
import ParleyTesting
import Testing

/// What people read of what Slack writes, and what hostile text does to the reader.
@Suite struct SlackTextTests {
    @Test(arguments: [
        ("plain", "plain"), ("", ""), ("  spaces  ", "spaces"),
        ("a &lt; b &gt; c &amp; d", "a < b > c & d"), ("&amp;lt;", "&lt;"), ("&amp;amp;amp;", "&amp;amp;"),
        ("&copy; & &", "&copy; & &"),
        ("<@UBOT> help", "help"), ("<@UBOT>: help", "help"), ("<@UBOT|parley>, help", "help"),
        ("hi <@UBOT> there", "hi there"), ("hi <@UBOT>", "hi"), ("hi <@UBOT>, there", "hi, there"), ("<@UBOT>", ""),
        ("<@UBOT><@UBOT> x", "x"), ("<@UBOTTLE> x", "@UBOTTLE x"),
        ("ask <@U2> or <@W3|ann>", "ask @U2 or @ann"),
        ("in <#C1|general>, <#C2> and <#C3|>", "in #general, #C2 and #C3"),
        ("<!here> <!channel> <!subteam^S1|@sales> <!subteam^S2>", "@here @channel @sales @S2"),
        ("<!date^1760000000^{date}|9 October>", "9 October"),
        ("<https://x.org/?a=1&amp;b=2>", "https://x.org/?a=1&b=2"),
        ("<https://x.org|our shop>", "our shop (https://x.org)"),
        ("<http://x.org|x.org>", "http://x.org"), ("<mailto:a@b.c|a@b.c>", "a@b.c"), ("<tel:+1650|+1650>", "+1650"),
        ("<https://x.org|a &lt; b>", "a < b (https://x.org)"),
        ("a < b", "a < b"), ("<", "<"), ("<>", ""), ("<|>", ""), ("<@>", "@"), ("<@|>", "@"), ("<!>", "@"),
        ("<#|x>", "#x"),
        ("👩‍👩‍👧 <@U2> é", "👩‍👩‍👧 @U2 é"),
    ])
    func `text is read as people read it`(_ written: String, _ read: String) throws {
        #expect(try event(text: written)?.text == read)
    }

    @Test(arguments: ["<@UBOT> hi", "hi <@UBOT|parley>"])
    func `a mention anywhere is addressed to us, also without settings`(_ text: String) throws {
        #expect(try event(text: text, channel: "C1")?.isAddressed == true)
        #expect(try event(text: text, channel: "C1", settings: [:])?.isAddressed == true)
        #expect(try event(text: "hi <@U2>", channel: "C1")?.isAddressed == false)
    }

    @Test(
        arguments: [
            ("1760000000.000100", 1_760_000_000_000_100), ("1760000000.531769", 1_760_000_000_531_769),
            ("1760000000", 1_760_000_000_000_000), ("1760000000.1", 1_760_000_000_100_000),
            ("1760000000.1234567", 1_760_000_000_123_456), ("99999999999.999999", 99_999_999_999_999_999),
        ] as [(String, Int64)]
    )
    func `a ts is read as decimal text, to the last digit`(_ ts: String, _ position: Int64) throws {
        #expect(try event(text: "x", ts: ts)?.position == position)
    }

    @Test(arguments: ["", ".", "x", "1.x", "-1.0", "+1.0", "1e9", "999999999999.0", "1760000000.000100.1", "١٢٣"])
    func `what is no ts makes no event`(_ ts: String) throws {
        #expect(try event(text: "x", ts: ts) == nil)
    }

    @Test func `a megabyte of brackets is read in a moment`() throws {
        for text in [
            String(repeating: "<", count: 300_000), String(repeating: "<@U2>", count: 60_000),
            String(repeating: "&", count: 300_000), String(repeating: "<@UBOT> ", count: 40_000),
        ] {
            let event = try #require(try event(text: text))
            #expect(event.text.utf8.count <= Limits.inboxTextBytes)
        }
    }

    @Test(arguments: [
        "payload", "payload=", "payload=%", "payload=%7", "payload=%zz", "payload=%FF", "payload=%7B%7D",
        "payload=null",
        "payload=%5B%5D", "command", "command=%2Fask&&&=&", "%00=1", "=", "&&&&",
        "payload={\"type\":\"block_actions\"}",
        "payload={\"type\":\"block_actions\",\"actions\":7,\"container\":[],\"user\":null}",
        "payload={\"type\":\"block_actions\",\"actions\":[7,{}],\"container\":{\"channel_id\":\"C1\",\"message_ts\":\"1.0\"}}",
    ])
    func `broken forms are refused with 400 or make no event`(_ body: String) throws {
        let request = SlackSigning.signed(
            WebhookRequest(
                method: .post,
                headers: ["content-type": "application/x-www-form-urlencoded; charset=utf-8"],
                body: Array(body.utf8),
                receivedAt: Timestamp(seconds: 1_760_000_000)
            ),
            under: "sample"
        )
        do throws(WebhookRefusal) {
            #expect(try SlackChannel().read(request, for: .slack()).events.isEmpty)
        } catch {
            #expect(error.status == 400)
        }
    }

    private func event(
        text: String,
        channel: String = "D1",
        ts: String = "1760000000.000100",
        settings: JSON = ["team_id": "T1", "bot_user_id": "UBOT", "bot_id": "BBOT"]
    ) throws -> InboundEvent? {
        let event: JSON = [
            "type": "message", "channel": .string(channel), "user": "U1", "text": .string(text), "ts": .string(ts),
        ]
        let envelope: JSON = [
            "type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": event,
            "authorizations": [["team_id": "T1", "user_id": "UBOT", "is_bot": true]],
        ]
        let request = SlackSigning.signed(
            WebhookRequest(
                method: .post,
                headers: ["content-type": "application/json"],
                body: envelope.encoded(),
                receivedAt: Timestamp(seconds: 1_760_000_000)
            ),
            under: "sample"
        )
        return try SlackChannel().read(request, for: .slack(settings: settings)).events.first
    }
}
