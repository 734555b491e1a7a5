import ParleyCore

/// One call that a channel wants made, in its own shape.
package struct OutgoingCall: Sendable, Equatable {
    /// What ``Channel/send(_:as:over:)`` will be handed: the method and its body, formatted; and, under `"plain"`, what
    /// to send if the platform rejects the formatting. It must not hold a credential.
    package var payload: JSON
    /// The text as a person would read it, for the journey and the dashboard.
    package var text: String

    package init(payload: JSON, text: String) {
        self.payload = payload
        self.text = text
    }
}

/// A delivery at the moment of an attempt.
package struct OutgoingDelivery: Sendable {
    package var id: ID<Delivery>
    package var payload: JSON
    package var address: JSON
    /// 1 for the first.
    package var attempt: Int
    /// The platform rejected the formatting before: send the plain form.
    package var usesPlainText: Bool
    /// An earlier attempt may have arrived. Where the platform has no idempotency key, the text must say so.
    package var mayRepeat: Bool
    /// When the delivery was made.
    package var createdAt: Timestamp
    package var now: Timestamp

    package init(
        id: ID<Delivery>,
        payload: JSON,
        address: JSON,
        attempt: Int,
        usesPlainText: Bool = false,
        mayRepeat: Bool = false,
        createdAt: Timestamp,
        now: Timestamp
    ) {
        self.id = id
        self.payload = payload
        self.address = address
        self.attempt = attempt
        self.usesPlainText = usesPlainText
        self.mayRepeat = mayRepeat
        self.createdAt = createdAt
        self.now = now
    }

    /// What is put before the text of a message that the contact may already have.
    package static let repeatMark = "(This message may reach you twice.)"
}
