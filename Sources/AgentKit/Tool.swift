import ParleyCore

/// What the model is told of a tool.
package struct ToolDefinition: Sendable, Equatable {
    /// `[A-Za-z0-9_-]`, at most 64 characters (OpenAI's rule, the narrowest).
    package var name: String
    package var description: String
    /// JSON Schema of the arguments, an object.
    package var parameters: JSON
    /// How people ask for it, for the offline model: phrases in lower case, with `{argument}` where a value stands.
    package var triggers: [String]

    package init(name: String, description: String, parameters: JSON, triggers: [String] = []) {
        self.name = name
        self.description = description
        self.parameters = parameters
        self.triggers = triggers
    }
}

/// Something that the model may have done during a turn.
///
/// A tool does not write to the database itself: what must be kept is a ``ToolEffect``, which the turn's one commit
/// carries out, so that a turn that is repeated after a crash does nothing twice.
package protocol Tool: Sendable {
    var definition: ToolDefinition { get }
    /// Whether calling it changes something outside.
    var isReadOnly: Bool { get }

    /// Carries out one call. Never throws: what went wrong is told to the model in ``ToolResult/content``.
    ///
    /// The arguments are an object that fits ``ToolDefinition/parameters``. After ``Limits/toolTimeout`` the task is
    /// cancelled and the result no longer wanted; the turn goes on once the call has returned, so it heeds cancellation.
    func call(_ arguments: JSON, in context: ToolContext) async -> ToolResult
}

/// Who is asking. It comes from the server, never from the model.
package struct ToolContext: Sendable {
    package var businessID: ID<Business>
    package var conversationID: ID<Conversation>
    package var contactID: ID<Contact>
    package var channel: ChannelID
    package var now: Timestamp

    package init(
        businessID: ID<Business>,
        conversationID: ID<Conversation>,
        contactID: ID<Contact>,
        channel: ChannelID,
        now: Timestamp
    ) {
        self.businessID = businessID
        self.conversationID = conversationID
        self.contactID = contactID
        self.channel = channel
        self.now = now
    }
}

package struct ToolResult: Sendable {
    /// What the model reads; at most ``Limits/toolResultBytes``, cut by the loop.
    package var content: String
    package var isError: Bool
    package var isCacheHit: Bool
    package var effects: [ToolEffect]

    package init(_ content: String, isError: Bool = false, isCacheHit: Bool = false, effects: [ToolEffect] = []) {
        self.content = content
        self.isError = isError
        self.isCacheHit = isCacheHit
        self.effects = effects
    }
}

/// What the turn's commit must also write.
package enum ToolEffect: Sendable, Equatable {
    case captureLead(LeadDetails)
    case handOver(reason: String)
    /// A knowledge entry was used in an answer.
    case usedKnowledge(ID<KnowledgeEntry>)
}

/// What is known of someone who may buy. Merged into the contact's one lead; nil leaves a field as it is.
package struct LeadDetails: Sendable, Equatable {
    package var name: String?
    package var email: String?
    package var phone: String?
    package var interest: String?

    package init(name: String? = nil, email: String? = nil, phone: String? = nil, interest: String? = nil) {
        self.name = name
        self.email = email
        self.phone = phone
        self.interest = interest
    }

    package var isEmpty: Bool { name == nil && email == nil && phone == nil && interest == nil }
}
