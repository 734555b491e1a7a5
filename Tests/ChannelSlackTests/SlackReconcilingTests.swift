import ChannelKit
import ChannelSlack
import ParleyCore
import ParleyTesting
import Testing

@Suite struct SlackReconcilingTests {
    private let channel = SlackChannel()
    private let delivery = OutgoingDelivery.slack([:], to: ["channel": "C1", "thread_ts": "1760000000.000100"])

    private var ours: JSON {
        [
            "ts": "1760000061.000100",
            "metadata": [
                "event_type": "parley_delivery", "event_payload": ["delivery_id": .string(delivery.id.description)],
            ],
        ]
    }
    private let other: JSON = [
        "ts": "1760000062.000100", "metadata": ["event_type": "x", "event_payload": ["delivery_id": "another"]],
    ]

    @Test func `our metadata in the thread means that it arrived`() async throws {
        let transport = RecordingTransport(json: ["ok": true, "messages": [other, ours]])
        let result = await channel.reconcile(delivery, as: .slack(), over: transport)
        #expect(result == .arrived(DeliveryReceipt(platformMessageID: "C1:1760000061.000100")))
        let url = try #require(transport.calls.first).url
        #expect(url.hasPrefix("https://slack.com/api/conversations.replies?"))
        #expect(url.contains("include_all_metadata=true"))
        #expect(url.contains("ts=1760000000.000100"))
        #expect(url.contains("oldest=1759999990.000000"))
    }

    @Test func `outside threads the channel's history is searched`() async throws {
        let transport = RecordingTransport(json: ["ok": true, "messages": [ours]])
        let direct = OutgoingDelivery.slack([:], to: ["channel": "D1"])
        #expect(await channel.reconcile(direct, as: .slack(), over: transport) != .didNotArrive)
        #expect(try #require(transport.calls.first).url.contains("/conversations.history?channel=D1&"))
    }

    @Test func `nothing of ours means that it did not arrive`() async {
        let transport = RecordingTransport(json: ["ok": true, "messages": [other]])
        #expect(await channel.reconcile(delivery, as: .slack(), over: transport) == .didNotArrive)
    }

    @Test func `a post that broke a moment ago may still be under way`() async {
        let transport = RecordingTransport(json: ["ok": true, "messages": [other]])
        var young = delivery
        young.now = young.createdAt.advanced(by: .seconds(4))
        #expect(await channel.reconcile(young, as: .slack(), over: transport) == .wait(.seconds(2)))
    }

    @Test func `later pages are searched too`() async throws {
        let transport = RecordingTransport([
            .success(
                HTTPAnswer(
                    status: 200,
                    body: (["ok": true, "messages": [other], "response_metadata": ["next_cursor": "a=="]] as JSON)
                        .encoded()
                )
            ),
            .success(HTTPAnswer(status: 200, body: (["ok": true, "messages": [ours]] as JSON).encoded())),
        ])
        let result = await channel.reconcile(delivery, as: .slack(), over: transport)
        #expect(result == .arrived(DeliveryReceipt(platformMessageID: "C1:1760000061.000100")))
        #expect(try #require(transport.calls.last).url.contains("cursor=a%3D%3D"))
    }

    @Test(arguments: ["missing_scope", "channel_not_found", "thread_not_found", "invalid_auth"])
    func `a look-up that Slack refuses tells nothing`(_ error: String) async {
        let transport = RecordingTransport(json: ["ok": false, "error": .string(error)])
        #expect(await channel.reconcile(delivery, as: .slack(), over: transport) == .unknowable)
    }

    @Test func `a look-up without an answer is made again, for a quarter of an hour`() async {
        #expect(await channel.reconcile(delivery, as: .slack(), over: RecordingTransport([])) == .wait(.seconds(5)))
        var old = delivery
        old.now = old.createdAt.advanced(by: .seconds(901))
        #expect(await channel.reconcile(old, as: .slack(), over: RecordingTransport([])) == .unknowable)
    }

    @Test func `a rate limit says when to look again`() async {
        let limited = HTTPAnswer(status: 429, headers: [("Retry-After", "7")])
        let transport = RecordingTransport([.success(limited)])
        #expect(await channel.reconcile(delivery, as: .slack(), over: transport) == .wait(.seconds(7)))
    }
}
