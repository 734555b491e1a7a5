import ChannelDiscord
import ChannelKit
import ParleyCore
import ParleyTesting
import Testing

@Suite struct DiscordProofTests {
    /// RFC 8032, §7.1, test 2: a message of one byte.
    @Test func `the published Ed25519 vector holds`() {
        let isValid = Signature.isEd25519(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            of: [0x72],
            under: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        )
        #expect(isValid)
    }

    struct Vector: Sendable {
        let body: String
        let signature: String
    }

    /// Signed at 1700000000 by the key whose seed is SHA-256("chat-platform-test-key"), with another library.
    static let vectors = [
        Vector(
            body: #"{"type":1}"#,
            signature:
                "7d357c74cbe4670ac63df6fec7f3b98bd1054f396d9852108a7315e21142e759f132772e718f5acbf9b86a186eaa55d3995bb9679c0f7906dbd47f27b774360b"
        ),
        Vector(
            body:
                #"{"id":"1","type":2,"data":{"name":"ask","options":[{"name":"q","type":3,"value":"héllo 😀"}]},"token":"tok","version":1}"#,
            signature:
                "0a51b4a790650e331d314c025bc1ac9a21abbb4a364cc051ca86ff8f0d229214ae6f25df9a99f38486d346f0593b30de2ab218d0da7227596113a80443946f09"
        ),
    ]

    @Test(arguments: vectors)
    func `timestamp and body are signed without anything between them`(vector: Vector) {
        let status = status(of: vector.body, vector.signature, at: "1700000000")
        // The second is proven and still lacks what a command needs.
        #expect(status == (vector.body.count == 10 ? 200 : 400))
    }

    @Test(arguments: ["1700000001", "01700000000", "1700000000 ", "", "x"])
    func `another timestamp breaks the signature`(timestamp: String) throws {
        let vector = try #require(Self.vectors.first)
        #expect(status(of: vector.body, vector.signature, at: timestamp) == 401)
    }

    @Test(arguments: ["", "00", "zz", String(repeating: "0", count: 128), String(repeating: "f", count: 130)])
    func `what is no signature is refused`(signature: String) throws {
        let vector = try #require(Self.vectors.first)
        #expect(status(of: vector.body, signature, at: "1700000000") == 401)
    }

    private func status(of body: String, _ signature: String, at timestamp: String) -> Int {
        let request = WebhookRequest(
            method: .post,
            headers: [
                "content-type": "application/json", "x-signature-ed25519": signature,
                "x-signature-timestamp": timestamp,
            ],
            body: Array(body.utf8),
            receivedAt: Timestamp(seconds: 1_700_000_000)
        )
        let key = "cd6adac0f6048d56897743086aeb9a7f8e46867a56d32931564410dc9bb64f3d"
        do throws(WebhookRefusal) {
            return try Fixture.channel.read(request, for: Fixture.bot(["public_key": key])).answer.status
        } catch { return error.status }
    }
}
