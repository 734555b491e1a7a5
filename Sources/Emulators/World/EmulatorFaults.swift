import ParleyCore

/// What goes wrong, and how often. Probabilities are between 0 and 1.
package struct EmulatorFaults: Sendable, Equatable {
    // Webhooks to the gateway

    /// The same webhook once more, half of the time at the same moment.
    package var duplicate = 0.0
    /// Later webhooks overtake this one; not within one Telegram chat, whose order Telegram keeps.
    package var reorder = 0.0
    /// An additional copy that the platform did not sign, with a text of its own.
    package var badSignature = 0.0
    /// Every webhook waits a random time up to this.
    package var delay: Duration = .zero

    // Calls of the gateway

    /// 429 without need.
    package var rateLimit = 0.0
    /// 500, 502 or 503; nothing was done.
    package var serverError = 0.0
    /// It is done, but the answer breaks off.
    package var dropResponse = 0.0
    /// Every call waits a random time up to this before it is carried out.
    package var slow: Duration = .zero

    // The platforms' own limits

    /// Whether rate limits are enforced.
    package var rateLimits = true
    /// Multiplies every limit and burst; 1 is the platform's own.
    package var rateFactor = 1.0

    package init() {}
}
