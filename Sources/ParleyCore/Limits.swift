/// Every limit of Parley's own, each with its reason. A platform's limits live in `channels/<Name>/<Name>.json`.
package enum Limits {
    // MARK: Accept

    /// WhatsApp's largest webhook is 3 MB in theory and a few KB in practice; 1 MiB bounds memory per connection.
    package static let webhookBodyBytes = 1 << 20
    /// Read on the connection's own thread, which others wait for: 64 KiB take about a millisecond, and nearly all
    /// webhooks are under 8.
    package static let ordinaryWebhookBytes = 64 << 10
    /// The platforms send under 2 KB of headers; NIO's own default of 80 KB invites abuse.
    package static let headerBytes = 16 << 10
    /// A webhook's headers arrive in one packet; a slower peer is an attack or a broken proxy.
    package static let headerDeadline: Duration = .seconds(5)
    /// 1 MiB over a poor line, and not a second more.
    package static let bodyDeadline: Duration = .seconds(10)
    /// Keep-alive connections of the platforms are reused within seconds.
    package static let idleTimeout: Duration = .seconds(60)
    /// One message that the model will read; longer texts are cut and marked.
    package static let inboxTextBytes = 32 << 10
    /// An id of a message, a person or a conversation. The longest of a platform are under 200; PostgreSQL's indexes take rows of
    /// 2,704 bytes, with up to two of these.
    package static let keyBytes = 512
    /// JSONTestSuite's hostile inputs nest 100,000 levels; no platform nests 20.
    package static let jsonDepth = 64
    /// Slack's documented window: ± 5 minutes. Used wherever a platform signs a timestamp.
    package static let freshnessWindow: Duration = .seconds(300)
    /// Largest group commit: beyond this, latency grows faster than throughput.
    package static let eventsPerCommit = 256
    /// Webhooks waiting for a commit; past it the answer is 503 and the platform redelivers.
    package static let eventsAwaitingCommit = 8192

    /// Webhooks of one address that may be refused in ``requestWindow`` before it is told to wait. No platform's bot has
    /// as many with a wrong secret.
    package static let refusedWebhooks = 60
    /// What a setting may make of it.
    package static let refusedWebhooksMaximum = 100_000

    // MARK: Answer

    /// Model calls in one turn: enough for three rounds of tools and corrections.
    package static let stepsPerTurn = 8
    /// Tool calls in one turn, whatever the number of steps.
    package static let toolCallsPerTurn = 16
    /// What a tool may give the model to read.
    package static let toolResultBytes = 64 << 10
    /// A shop that answers slower than this loses the customer's patience before the model has begun.
    package static let toolTimeout: Duration = .seconds(5)
    /// A whole model call.
    package static let modelTimeout: Duration = .seconds(60)
    /// Until a model's first byte; reasoning models may think for long, customers do not wait longer.
    package static let modelFirstByte: Duration = .seconds(20)
    /// Between two pieces of a stream.
    package static let modelIdle: Duration = .seconds(20)
    /// A whole turn, tools included.
    package static let turnDeadline: Duration = .seconds(120)
    /// Attempts at one model call before the polite apology.
    package static let modelAttempts = 3
    /// First wait before a model is asked again (OpenAI's own SDK: 0.5 s, doubling to 8 s).
    package static let modelBackoff: Duration = .milliseconds(500)
    /// Longest wait that we choose ourselves: a customer is waiting. A provider's Retry-After may be longer.
    package static let modelBackoffMaximum: Duration = .seconds(8)
    /// One model answer on the wire; a stream costs about 200 bytes a token, so this is far beyond any reply.
    package static let modelAnswerBytes = 8 << 20
    /// One line of a model's stream; providers put whole tool arguments into one.
    package static let modelLineBytes = 4 << 20
    /// Tool calls in one model answer; real models ask for a handful.
    package static let toolCallsPerAnswer = 128
    /// What is kept of a tool call's arguments for the record.
    package static let toolArgumentBytes = 4 << 10
    /// Times that a turn may be begun in vain before it is taken for what kills the process, and gets the polite apology.
    /// Only beginnings of which nobody lived to say that something else was to blame, one after the other.
    package static let turnAttempts = 25
    /// Older messages are kept but not answered: WhatsApp redelivers for 7 days, and no one waits that long.
    package static let answerableAge: Duration = .seconds(86_400)
    /// Events that one turn takes in; what is beyond them waits for the next.
    package static let eventsPerTurn = 50
    /// Messages that a turn remembers.
    package static let contextMessages = 20
    /// Their budget, estimated at UTF-8 bytes ÷ 3.5 a token.
    package static let contextTokens = 8000
    /// A stretch without messages after which the model forgets.
    package static let sessionIdle: Duration = .seconds(3600)
    /// How long a conversation's recent messages stay in a cache: what is older was forgotten with its session.
    package static let contextLife: Duration = .seconds(7200)
    /// Memory for each kind of what spares the database a reading: at 4 KB a conversation, 4,000 of them.
    package static let hintBytes = 16 << 20
    /// How long work that was given up may rest before it is tried again.
    package static let releaseMaximum: Duration = .seconds(60)
    /// A claim's life without a heartbeat.
    package static let lease: Duration = .seconds(15)
    /// What a lease may be set to: below, one slow commit loses it; above, nobody waits for a takeover any more.
    package static let leaseRange: ClosedRange<Duration> = .seconds(1) ... .seconds(300)
    /// Two heartbeats may be missed before a lease runs out.
    package static let heartbeatsPerLease = 3
    /// One business may not starve the others.
    package static let turnsPerBusiness = 32
    /// After which half of the time that a business used is forgotten: long enough to tell a slow model from a quick one,
    /// short enough that nobody pays tomorrow for today.
    package static let usageHalfLife: Duration = .seconds(10)
    /// Turns at once in one process: each waits on a model most of the time.
    package static let turnsAtOnce = 1024
    /// Quiet after the last event before a turn starts; "one thought sent as four messages".
    package static let debounce: Duration = .milliseconds(500)
    /// The longest that debouncing may hold a conversation back.
    package static let debounceMaximum: Duration = .seconds(3)
    /// A human owner who says nothing for this long hands back to the agent.
    package static let humanOwnership: Duration = .seconds(1800)
    /// How long a live-data answer may be told again, with its age.
    package static let toolCache: Duration = .seconds(300)
    /// Correctness does not wait for a doorbell.
    package static let poll: Duration = .milliseconds(250)
    /// Between two looks for work of a node that has ``turnsOfALoadedNode`` under way: each look is two transactions, and
    /// one that finds several conversations costs no more than one that finds one.
    package static let claimInterval: Duration = .milliseconds(10)
    /// From so many turns under way on, a few milliseconds more are no matter.
    package static let turnsOfALoadedNode = 16

    /// Messages of one contact that are answered in ``requestWindow``: nobody types faster, scripts do.
    package static let contactMessages = 30
    /// What a setting may make of it.
    package static let contactMessagesMaximum = 10_000
    /// In which requests are counted, contacts' messages and addresses' refused webhooks alike.
    package static let requestWindow: Duration = .seconds(60)
    /// All flags are read together, at most every two seconds: they are for trials and exceptions, not for settings.
    package static let featureFlags = 1000
    /// What a flag may say: instructions are the longest.
    package static let featureFlagBytes = 32 << 10

    // MARK: Deliver

    /// Attempts before a delivery is dead.
    package static let deliveryAttempts = 10
    /// Attempts whose outcome nobody can find out; a customer reads a message twice at the most, or three times.
    package static let attemptsInTheDark = 3
    /// How long replies of a bot that is switched off wait until somebody looks whether it is on again.
    package static let disabledPause: Duration = .seconds(30)
    /// The span in which those attempts happen.
    package static let deliverySpan: Duration = .seconds(86_400)
    /// One platform call.
    package static let sendTimeout: Duration = .seconds(15)
    /// Deliveries under way at once in one process.
    package static let deliveriesAtOnce = 256
    /// First retry; doubles up to ``deliveryBackoffMaximum``.
    package static let deliveryBackoff: Duration = .seconds(1)
    /// Longest wait that we choose ourselves; a platform's Retry-After may be longer.
    package static let deliveryBackoffMaximum: Duration = .seconds(3600)

    // MARK: Retention, in days; a business's settings may say otherwise

    /// What people wrote is theirs, and nobody asks an agent about a conversation of last quarter.
    package static let messageDays = 30
    /// Long enough to see that a shop's answers have changed, and to settle an argument about one.
    package static let toolExecutionDays = 90
    /// As long as the tool executions that belong to them; their texts go with the messages.
    package static let turnDays = 90
    /// As long as the messages whose way they tell.
    package static let journeyDays = 30
    /// WhatsApp redelivers for up to 7 days: the key that makes it harmless outlives that by one.
    package static let inboxDays = 8
    /// No setting goes below the days for which a platform redelivers.
    package static let inboxDaysMinimum = 7
    /// Platforms report on a message for some days after it was sent; then it is told with its conversation, or not at all.
    package static let deliveryDays = 30
    /// Dead letters wait for somebody to mend what killed them; after a quarter nobody wants the reply.
    package static let deadLetterDays = 90
    /// A year, so that a month can be compared with the same of the year before.
    package static let analyticsDays = 400
    /// The longest that a setting may keep anything: ten years.
    package static let retentionDaysMaximum = 3653
    /// How often retention looks through everything.
    package static let retentionInterval: Duration = .seconds(86_400)
    /// How often it looks whether that time has come; also how soon another node goes on when one has died.
    package static let retentionPoll: Duration = .seconds(600)
    /// A start has more urgent work to do first.
    package static let retentionDelay: Duration = .seconds(60)
    /// Rows that go in one transaction: some milliseconds of the only writer's time.
    package static let retentionBatch = 500
    /// Between two batches at least, so that whoever answers customers goes first.
    package static let retentionPause: Duration = .milliseconds(50)
    /// Retention rests this many times as long as its last batch took: it never takes more than a fifth of a database.
    package static let retentionRest = 4
    /// A node that prunes and says nothing for this long is taken for dead.
    package static let retentionLease: Duration = .seconds(60)
    /// Partitions are made so many weeks ahead: a month of retention's not running does no harm.
    package static let partitionWeeks = 5

    // MARK: The process

    /// From SIGTERM to exit 0.
    package static let shutdown: Duration = .seconds(10)
    /// The most of that in which a node may wait for balancers to look away; the rest is needed.
    package static let longestDrain: Duration = .seconds(3)
    /// Of that, what turns under way may take to finish before they are let go for the next start.
    package static let shutdownOfTurns: Duration = .seconds(5)
    /// And what deliveries under way may take.
    package static let shutdownOfDeliveries: Duration = .seconds(2)
}
