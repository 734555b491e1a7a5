import ChannelKit
import CoordinationKit
import ParleyCore
import Storage

/// Whether an event is answered, and which rule said so.
package struct GateDecision: Sendable, Equatable {
    package let isOpen: Bool
    package let rule: String
    package let value: String
    /// Closed, but kept for the people who read the conversation.
    package var keepsMessage = false
    /// What somebody is told whose platform shows that an answer is awaited; nil for silence.
    package var notice: String?
    /// Everybody is told, not only where an answer is awaited: nothing has been said of it yet.
    package var isSaidAloud = false
    /// What closed it is a limit of the business.
    package var isOfLimit = false

    package static func open(_ rule: String, _ value: String) -> GateDecision {
        GateDecision(isOpen: true, rule: rule, value: value)
    }

    package static func closed(
        _ rule: String,
        _ value: String,
        keepsMessage: Bool = false,
        notice: String? = nil,
        isSaidAloud: Bool = false,
        isOfLimit: Bool = false
    ) -> GateDecision {
        GateDecision(
            isOpen: false,
            rule: rule,
            value: value,
            keepsMessage: keepsMessage,
            notice: notice,
            isSaidAloud: isSaidAloud,
            isOfLimit: isOfLimit
        )
    }
}

/// The gates that a message passes, in order; the first closed one decides. Pure: the same values decide the same.
package enum Gates {
    package struct Values: Sendable {
        package var isBusinessActive: Bool
        package var isIntegrationActive: Bool
        package var isConversationActive: Bool
        package var isOwnedByHuman: Bool
        package var hasReplyInThread: Bool
        /// Nil when the business has no limit.
        package var standing: UsageStanding?
        /// Somebody in the conversation heard in this billing period that a limit is reached.
        package var hasToldOfLimit: Bool
        package var now: Timestamp

        package init(
            isBusinessActive: Bool,
            isIntegrationActive: Bool,
            isConversationActive: Bool,
            isOwnedByHuman: Bool,
            hasReplyInThread: Bool,
            standing: UsageStanding? = nil,
            hasToldOfLimit: Bool = false,
            now: Timestamp
        ) {
            self.isBusinessActive = isBusinessActive
            self.isIntegrationActive = isIntegrationActive
            self.isConversationActive = isConversationActive
            self.isOwnedByHuman = isOwnedByHuman
            self.hasReplyInThread = hasReplyInThread
            self.standing = standing
            self.hasToldOfLimit = hasToldOfLimit
            self.now = now
        }
    }

    package static func decide(_ event: InboundEvent, _ values: Values) -> [GateDecision] {
        var decisions: [GateDecision] = []
        for gate in [business, integration, age, content, addressed, conversation, owner] {
            let decision = gate(event, values)
            decisions.append(decision)
            if !decision.isOpen { return decisions }
        }
        if let standing = values.standing { decisions.append(limit(standing, values)) }
        return decisions
    }

    private static func business(_ event: InboundEvent, _ values: Values) -> GateDecision {
        values.isBusinessActive ? .open("business_active", "true") : .closed("business_active", "false")
    }

    private static func integration(_ event: InboundEvent, _ values: Values) -> GateDecision {
        values.isIntegrationActive ? .open("integration_active", "true") : .closed("integration_active", "false")
    }

    private static func age(_ event: InboundEvent, _ values: Values) -> GateDecision {
        let hours = values.now.since(event.occurredAt).inSeconds / 3600
        let value = "\(Int(hours.rounded())) h"
        return hours <= Limits.answerableAge.inSeconds / 3600
            ? .open("age", value) : .closed("age", value, keepsMessage: true)
    }

    private static func content(_ event: InboundEvent, _ values: Values) -> GateDecision {
        event.text.trimmed.isEmpty && event.attachments.isEmpty
            ? .closed("content", "empty", notice: "Please write your question behind the command.")
            : .open("content", event.text.isEmpty ? "attachment" : "text")
    }

    // Ambient talk in a room is neither answered nor kept, and never gets an apology.
    private static func addressed(_ event: InboundEvent, _ values: Values) -> GateDecision {
        if event.isDirect { return .open("addressed", "direct") }
        if event.isAddressed { return .open("addressed", "mention") }
        if event.isThread, values.hasReplyInThread { return .open("addressed", "thread") }
        return .closed("addressed", "room without mention")
    }

    private static func conversation(_ event: InboundEvent, _ values: Values) -> GateDecision {
        values.isConversationActive
            ? .open("conversation_active", "true") : .closed("conversation_active", "false", keepsMessage: true)
    }

    private static func owner(_ event: InboundEvent, _ values: Values) -> GateDecision {
        values.isOwnedByHuman
            ? .closed(
                "owner",
                "human",
                keepsMessage: true,
                notice: "A person of our team has taken over and will answer you here."
            ) : .open("owner", "agent")
    }

    /// The last gate, asked only for what passed all the others: what it lets through counts.
    ///
    /// Whoever is stopped hears it once in a window, and every time where a command waits; nothing is lost.
    static func rate(_ decision: LimitDecision, _ limit: RequestLimit) -> GateDecision {
        let allowed = "\(limit.count) in \(limit.window.milliseconds / 1000) s"
        switch decision {
        case .admitted(let used): return .open("contact_rate", "\(used) of \(allowed)")
        case .refused(let wait, let isFirst):
            return .closed(
                "contact_rate",
                "more than \(allowed), room in \(max(1, Int(clamping: wait.milliseconds / 1000))) s"
                    + (isFirst ? "" : ", said before"),
                keepsMessage: true,
                notice: "You are writing faster than I can answer. Your messages are saved; please give me a minute.",
                isSaidAloud: isFirst
            )
        }
    }

    // Said once in a conversation and a period; afterwards the message is kept in silence for the business's people.
    private static func limit(_ standing: UsageStanding, _ values: Values) -> GateDecision {
        guard let reached = standing.reached else { return .open(standing.room.rule, standing.room.value) }
        return .closed(
            reached.rule,
            reached.value + (values.hasToldOfLimit ? ", said before" : ""),
            keepsMessage: true,
            notice: "Our assistant is not available at the moment. Your message is saved, and our team will read it.",
            isSaidAloud: !values.hasToldOfLimit,
            isOfLimit: true
        )
    }
}
