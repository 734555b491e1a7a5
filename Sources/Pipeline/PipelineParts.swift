import ChannelKit
import CoordinationKit
import Logging
import ParleyCore
import Storage

/// What the pipeline is made of; put together once, in ParleyApp.
package struct PipelineParts: Sendable {
    package var channels: ChannelRegistry
    package var directory: any BusinessDirectory
    package var committer: GroupCommitter
    package var lanes: LaneStore
    package var conversations: ConversationStore
    package var turns: TurnStore
    package var deliveries: DeliveryStore
    package var usage: UsageStore
    package var leases: LeaseKeeper
    package var governor: any SendGovernor
    package var limiter: any RequestLimiter
    package var presence: any Presence
    package var recollection: Recollection
    package var doorbell: any Doorbell
    package var transport: any HTTPTransport
    package var clock: any Clockwork
    package var settings: PipelineSettings
    package var logger: Logger

    package init(
        channels: ChannelRegistry,
        directory: any BusinessDirectory,
        database: any SQLDatabase,
        governor: any SendGovernor,
        limiter: any RequestLimiter,
        presence: any Presence,
        recollection: Recollection = Recollection(),
        doorbell: any Doorbell,
        transport: any HTTPTransport,
        clock: any Clockwork,
        settings: PipelineSettings,
        logger: Logger
    ) {
        self.channels = channels
        self.directory = directory
        committer = GroupCommitter(InboxStore(database), clock: clock)
        lanes = LaneStore(database)
        conversations = ConversationStore(database)
        turns = TurnStore(database)
        deliveries = DeliveryStore(database)
        usage = UsageStore(database)
        leases = LeaseKeeper(LaneStore(database), lease: settings.lease, clock: clock, logger: logger)
        self.governor = governor
        self.limiter = limiter
        self.presence = presence
        self.recollection = recollection
        self.doorbell = doorbell
        self.transport = transport
        self.clock = clock
        self.settings = settings
        self.logger = logger
    }
}

package struct PipelineSettings: Sendable {
    /// Names this process in claims; new at every start.
    package var holder: String
    package var turnsAtOnce: Int
    package var turnsPerBusiness: Int
    package var deliveriesAtOnce: Int
    /// A claim's life without a heartbeat.
    package var lease: Duration
    /// Whether the rates in the channels' manifests are kept to before a platform refuses.
    package var keepsSendRates: Bool

    package init(
        holder: String,
        turnsAtOnce: Int = Limits.turnsAtOnce,
        turnsPerBusiness: Int = Limits.turnsPerBusiness,
        deliveriesAtOnce: Int = Limits.deliveriesAtOnce,
        lease: Duration = Limits.lease,
        keepsSendRates: Bool = true
    ) {
        self.holder = holder
        self.turnsAtOnce = turnsAtOnce
        self.turnsPerBusiness = turnsPerBusiness
        self.deliveriesAtOnce = deliveriesAtOnce
        self.lease = lease
        self.keepsSendRates = keepsSendRates
    }
}

/// The channels that this process speaks, by id.
package struct ChannelRegistry: Sendable {
    private let channels: [ChannelID: any Channel]

    package init(_ channels: [any Channel]) {
        self.channels = Dictionary(channels.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package subscript(id: ChannelID) -> (any Channel)? { channels[id] }

    package var all: [any Channel] { channels.values.sorted { $0.id.name < $1.id.name } }
}
