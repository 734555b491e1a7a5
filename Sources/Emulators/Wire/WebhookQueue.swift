import ParleyCore

/// One webhook that a platform has to post.
struct WebhookJob: Sendable {
    enum Kind: Sendable, Equatable {
        case event
        /// What the platform does when the URL is saved: challenge, verification or ping.
        case handshake
    }

    var kind: Kind = .event
    let platform: EmulatedPlatform
    /// The bot's id.
    let bot: String
    /// For the log: "message", "app_mention", "interaction", "status".
    let name: String
    let eventID: String
    let conversation: String
    let body: [UInt8]
    var contentType = "application/json"
    /// Waits this long first; for statuses that come later.
    var delay: Duration = .zero
    let epoch: Int
    let at: Timestamp
}

/// Telegram keeps the updates of one chat in order and has one under way.
struct TelegramQueue: Sendable {
    var jobs: [WebhookJob] = []
    var isRunning = false
}

/// The way from the platforms to the loop that posts.
struct WebhookQueue: Sendable {
    enum Item: Sendable {
        case job(WebhookJob)
        /// A webhook URL was set: what waited for it can go.
        case wake
    }

    let items: AsyncStream<Item>
    private let continuation: AsyncStream<Item>.Continuation

    init() { (items, continuation) = AsyncStream<Item>.makeStream() }

    func add(_ job: WebhookJob) { continuation.yield(.job(job)) }
    func wake() { continuation.yield(.wake) }
}
