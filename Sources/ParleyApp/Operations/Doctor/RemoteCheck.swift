import ChannelKit
import ParleyCore
import Pipeline
import Storage

/// What lies outside this machine: the platforms, the shops, the model, and how the platforms reach us.
struct RemoteCheck {
    private let workbench: Workbench
    private let transport: DateNoting

    init(_ workbench: Workbench) {
        self.workbench = workbench
        transport = DateNoting(workbench.transport, clock: workbench.clock)
    }

    func findings() async -> [Doctor.Finding] {
        do {
            let operations = Operations(workbench)
            let businesses = try await operations.everyBusiness()
            guard !businesses.isEmpty else {
                return await models([])
                    + [Self.publicURL(workbench.settings, isNeeded: false)]
                    + [.note("businesses", "there is none yet", fix: "parley business create --name NAME")]
            }
            var questions: [Question] = []
            var channels = 0
            for business in businesses where business.isActive {
                for record in try await workbench.stores.integrations.list(of: business.id) where record.isActive {
                    channels += 1
                    questions.append(
                        Question(record.channel.name, record.name, again: "parley channel test \(record.id)") {
                            await channel(record)
                        }
                    )
                }
                for data in try await workbench.stores.dataIntegrations.load(of: business.id) {
                    let test = "parley integration test \(data.record.id) --business \(business.id)"
                    questions.append(
                        Question(data.record.kind.rawValue, data.record.name, again: test) { await shop(data) }
                    )
                }
            }
            var findings = await ask(questions)
            if channels == 0 {
                findings.append(
                    .note(
                        "channels",
                        "none is connected",
                        fix: "parley channel connect CHANNEL --business ID --credentials FILE"
                    )
                )
            }
            findings += await models(businesses)
            findings.append(Self.publicURL(workbench.settings, isNeeded: channels > 0))
            return findings + [clock()]
        } catch {
            return [.bad("database", "it cannot be read: \(error)", fix: "is this the right master key and database?")]
        }
    }

    // MARK: Asking

    /// So many wait for their answers at a time: enough that slow ones hold up few, and no platform sees a flood.
    static let atOnce = 16
    /// For all of them together.
    static let deadline: Duration = .seconds(60)

    private struct Question: Sendable {
        let subject: String
        let name: String
        /// The command that asks this one alone.
        let again: String
        let ask: @Sendable () async -> Doctor.Finding

        init(
            _ subject: String,
            _ name: String,
            again: String,
            _ ask: @escaping @Sendable () async -> Doctor.Finding
        ) {
            (self.subject, self.name, self.again, self.ask) = (subject, name, again, ask)
        }
    }

    /// The answers in the order of the questions; those that are late say so.
    private func ask(_ questions: [Question]) async -> [Doctor.Finding] {
        let answers = await Crowd.answers(
            to: questions.map(\.ask),
            atOnce: Self.atOnce,
            within: Self.deadline,
            on: workbench.clock
        )
        return zip(questions, answers).map { question, answer in
            answer
                ?? .bad(
                    question.subject,
                    "\(question.name): no answer before the \(Self.deadline.spoken) for all were over",
                    fix: "check the network, then this one alone: \(question.again)"
                )
        }
    }

    private func shop(_ data: LoadedDataIntegration) async -> Doctor.Finding {
        let probe = await DataProbe(workbench).ask(data)
        return Doctor.Finding(
            mark: probe.isGood ? .good : .bad,
            subject: data.record.kind.rawValue,
            what: "\(data.record.name): \(probe.what)",
            fix: probe.fix
        )
    }

    // MARK: Channels

    private func channel(_ record: IntegrationRecord) async -> Doctor.Finding {
        do {
            return try await tried(record)
        } catch {
            return .bad(
                record.channel.name,
                "\(record.name): \(error)",
                fix: "is this the right master key and database?"
            )
        }
    }

    private func tried(_ record: IntegrationRecord) async throws -> Doctor.Finding {
        let subject = record.channel.name
        guard let channel = workbench.channels[record.channel] else {
            return .bad(
                subject,
                "\(record.name): this parley does not speak \(subject)",
                fix: "parley channel disable \(record.id)"
            )
        }
        guard let channel = channel as? any ConnectingChannel,
            let loaded = try await workbench.stores.integrations.load(record.id)
        else { return .note(subject, "\(record.name): its credentials cannot be tried") }
        let credentials = try ChannelCredentials(revealed: loaded.credentials)
        do throws(ConnectionProblem) {
            // Without an address the platform is not told where to post.
            let identity = try await channel.connect(credentials, webhookURL: nil, over: transport)
            let expected = workbench.settings.webhookURL(record.channel, record.id)
            if workbench.settings.publicURL != nil, record.webhookURL != expected {
                return .note(
                    subject,
                    "\(identity.name): accepted, but connected under another address",
                    fix: "parley channel test \(record.id)"
                )
            }
            return .good(subject, "\(identity.name): the credentials are accepted")
        } catch {
            return .bad(
                subject,
                "\(record.name): \(error)",
                fix: error.isUnreachable
                    ? "check the network, and whether a firewall lets this machine out"
                    : "connect it again, then: parley channel disable \(record.id)"
            )
        }
    }

    // MARK: The model

    private func models(_ businesses: [BusinessRecord]) async -> [Doctor.Finding] {
        var names: Set<String> = [workbench.settings.model]
        for business in businesses where business.isActive {
            let agent = try? await workbench.stores.agents.defaultAgent(of: business.id)
            if let model = agent?.model { names.insert(model) }
        }
        // A flag for all holds for whoever comes later, too.
        let flags = (try? await workbench.stores.flags.list()) ?? []
        for flag in flags where !flag.hasExpired(at: workbench.clock.now) { names.formUnion(flag.models) }
        return await ModelCheck(workbench.settings, transport: transport).findings(names)
    }

    // MARK: How we are reached, and when it is

    static func publicURL(_ settings: ParleySettings, isNeeded: Bool) -> Doctor.Finding {
        let fix = "set PARLEY_PUBLIC_URL to the https address under which the platforms reach this gateway"
        guard let url = settings.publicURL else {
            return isNeeded
                ? .bad("public URL", "PARLEY_PUBLIC_URL is not set: no platform can post here", fix: fix)
                : .note("public URL", "PARLEY_PUBLIC_URL is not set", fix: fix)
        }
        return url.hasPrefix("https://")
            ? .good("public URL", url)
            : .note("public URL", "\(url) is not https: the platforms themselves refuse that", fix: fix)
    }

    private func clock() -> Doctor.Finding {
        guard let skew = transport.skew else {
            return .note("clock", "no platform told the time, it could not be compared")
        }
        let seconds = skew.milliseconds / 1000
        guard abs(seconds) > 60 else { return .good("clock", "it agrees with the platforms'") }
        return .bad(
            "clock",
            "it is \(abs(seconds)) s \(seconds > 0 ? "ahead of" : "behind") the platforms': signatures look stale",
            fix: "let the system set the clock: timedatectl set-ntp true"
        )
    }
}
