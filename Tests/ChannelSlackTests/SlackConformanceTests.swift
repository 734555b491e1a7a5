import ChannelKit
import ChannelSlack
import ParleyCore
import ParleyTesting
import Testing

@Suite struct SlackConformanceTests {
    @Test(arguments: ChannelConformance.Rule.allCases)
    func `Slack keeps the rule`(_ rule: ChannelConformance.Rule) throws {
        #expect(try ChannelConformance.complaints(about: rule, of: slack) == [])
    }
}

private let slack = ChannelConformance.Subject(
    channel: SlackChannel(),
    folder: "Slack",
    proofField: "signing_secret",
    proofHeaders: ["x-slack-request-timestamp", "x-slack-signature"],
    signsBody: true,
    signsTimestamp: true,
    secrets: ("one signing secret", "another signing secret"),
    unknownBodies: [
        #"{"type":"something_new"}"#, #"{"type":7}"#, "{}",
        #"{"type":"event_callback","event":{"type":"something_new","user":{}}}"#,
        #"{"type":"event_callback","event":{"type":"message","subtype":"something_new"}}"#,
        #"{"type":"event_callback","event":{"type":"message"}}"#,
        #"{"type":"event_callback","event":{"type":"A label, with \"quotes\" and\n lines"}}"#,
    ],
    prove: { SlackSigning.signed($0, under: $1) }
)
