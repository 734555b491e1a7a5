import AgentKit
import ParleyCore

/// `capture_lead`: keeps how somebody who may buy can be reached. The turn's commit writes it.
package struct CaptureLeadTool: Tool {
    package static let definition = ToolDefinition(
        name: "capture_lead",
        description: """
            Keeps the contact details of somebody who is interested, so that the business can get back to them. Call it as \
            soon as the customer gives a name with an e-mail address or a phone number, or says what they want to buy.
            """,
        parameters: argumentsSchema(
            [
                "name": "The customer's name, if they gave it",
                "email": "Their e-mail address, exactly as they wrote it",
                "phone": "Their phone number, exactly as they wrote it",
                "interest": "What they are interested in, in a few words",
            ],
            required: []
        ),
        triggers: ["i am interested in {interest}", "i'm interested in {interest}", "i want to buy {interest}"]
    )

    package init() {}

    package var definition: ToolDefinition { Self.definition }
    package var isReadOnly: Bool { false }

    package func call(_ arguments: JSON, in context: ToolContext) async -> ToolResult {
        var details = LeadDetails(
            name: arguments.argument("name", atMost: 200),
            interest: arguments.argument("interest")
        )
        if let written = arguments.argument("email") {
            guard let email = ContactDetails.email(written) else {
                return ToolAnswer.error("that is no e-mail address", suggestion: "ask for the e-mail address again")
            }
            details.email = email
        }
        if let written = arguments.argument("phone") {
            guard let phone = ContactDetails.phone(written) else {
                return ToolAnswer.error("that is no phone number", suggestion: "ask for the phone number again")
            }
            details.phone = phone
        }
        guard !details.isEmpty else {
            return ToolAnswer.error(
                "there is nothing to keep",
                suggestion: "ask for a name and an e-mail address or a phone number"
            )
        }
        let kept = JSON.object(present: [
            "name": details.name.map { JSON($0) }, "email": details.email.map { JSON($0) },
            "phone": details.phone.map { JSON($0) }, "interest": details.interest.map { JSON($0) },
        ])
        let content: JSON = ["captured": kept]
        return ToolResult(content.description, effects: [.captureLead(details)])
    }
}
