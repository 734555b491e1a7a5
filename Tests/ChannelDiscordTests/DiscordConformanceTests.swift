import ChannelDiscord
import ChannelKit
import ParleyCore
import ParleyTesting
import Testing

@Suite struct DiscordConformanceTests {
    @Test(arguments: ChannelConformance.Rule.allCases)
    func `Discord keeps every rule of a channel`(rule: ChannelConformance.Rule) throws {
        let first = try #require(DiscordSigner.first)
        let second = try #require(DiscordSigner.second)
        let stranger = try #require(DiscordSigner.stranger)
        let discord = ChannelConformance.Subject(
            channel: DiscordChannel(),
            folder: "Discord",
            proofField: "public_key",
            proofHeaders: ["x-signature-ed25519", "x-signature-timestamp"],
            signsBody: true,
            signsTimestamp: true,
            secrets: (first.publicKey, second.publicKey),
            unknownBodies: [
                #"{"id":"9001","application_id":"77","type":6,"token":"t","version":1,"channel_id":"600"}"#,
                #"{"type":99}"#, #"{"type":0,"version":1,"application_id":"77"}"#, #"{"type":-1}"#,
            ],
            prove: { request, key in
                let signer = [first, second].first { $0.publicKey == key } ?? stranger
                return signer.sign(request)
            }
        )
        let complaints = try ChannelConformance.complaints(about: rule, of: discord)
        #expect(complaints.isEmpty, "\(complaints.prefix(5).joined(separator: "\n"))")
    }
}
