import ChannelKit
import ChannelWhatsApp
import ParleyCore
import ParleyTesting
import Testing

@Suite struct WhatsAppConnectingTests {
    private let channel = WhatsAppChannel()
    private let number: JSON = [
        "id": "106540352242922", "display_phone_number": "+1 555-078-3881", "verified_name": "Bob's Electronics",
        "status": "CONNECTED",
    ]

    @Test func `the number tells its name, and the call proves token and app secret`() async throws {
        let transport = RecordingTransport(json: number)
        let credentials = ChannelIntegration.whatsApp().credentials
        let identity = try await channel.connect(credentials, webhookURL: "https://p.example/w", over: transport)
        #expect(identity.name == "Bob's Electronics · +1 555-078-3881")
        #expect(identity.settings["phone_number_id"] == "106540352242922")
        #expect(identity.remaining.contains { $0.contains("https://p.example/w") })
        #expect(identity.remaining.contains { $0.contains("`messages`") })
        let call = try #require(transport.calls.first)
        #expect(call.url.hasPrefix("https://graph.facebook.com/v26.0/106540352242922?fields="))
        let proof = ReferenceHMAC.sha256Hex(of: Array("EAAsample".utf8), under: "s")
        #expect(call.url.hasSuffix("&appsecret_proof=\(proof)"))
    }

    @Test(arguments: ["phone_number_id", "access_token", "app_secret", "verify_token"])
    func `a missing field is named before anything is sent`(_ field: String) async {
        let transport = RecordingTransport(json: number)
        let problem = await problem([field: ""], over: transport)
        #expect(problem?.description.hasPrefix("\(field):") == true)
        #expect(transport.calls.isEmpty)
    }

    @Test(arguments: [
        (
            400, #"{"error":{"code":100,"message":"Invalid appsecret_proof provided in the API argument"}}"#,
            "app_secret:"
        ),
        (400, #"{"error":{"code":100,"message":"Unsupported get request","error_subcode":33}}"#, "phone_number_id:"),
        (401, #"{"error":{"code":190,"message":"Expired"}}"#, "the platform refused these credentials: 190: Expired"),
        (503, #"{"error":{"code":2,"message":"Later"}}"#, "the platform did not answer: 2: Later"),
        (200, "<html>", "the platform did not answer"),
    ])
    func `what is wrong is told apart`(_ status: Int, _ body: String, _ words: String) async {
        let transport = RecordingTransport([.success(HTTPAnswer(status: status, body: Array(body.utf8)))])
        let problem = await problem([:], over: transport)
        #expect(problem?.description.hasPrefix(words) == true, "\(String(describing: problem))")
    }

    @Test func `the phone number itself is not its id`() async {
        let problem = await problem(["phone_number_id": "+1 555-078-3881"], over: RecordingTransport([]))
        #expect(problem?.description.contains("digits only") == true)
    }

    @Test func `typing marks the question as read`() async throws {
        let transport = RecordingTransport(json: ["success": true])
        await channel.showTyping(at: ["to": "+1650"], as: .whatsApp(), over: transport)
        #expect(transport.calls.isEmpty)
        await channel.showTyping(at: ["to": "+1650", "context": "wamid.IN"], as: .whatsApp(), over: transport)
        let body = try JSON(parsing: try #require(transport.calls.first).body)
        #expect(body["status"] == "read")
        #expect(body["message_id"] == "wamid.IN")
        #expect(body["typing_indicator"]?["type"] == "text")
        #expect(channel.typingInterval < .seconds(25))
    }

    private func problem(_ fields: [String: String], over transport: RecordingTransport) async -> ConnectionProblem? {
        do throws(ConnectionProblem) {
            let credentials = ChannelIntegration.whatsApp(fields).credentials
            _ = try await channel.connect(credentials, webhookURL: nil, over: transport)
            return nil
        } catch { return error }
    }
}
