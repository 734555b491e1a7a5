import ChannelKit
import Emulators
import ParleyApp
import ParleyCore
import Pipeline
import Storage
import Testing

/// Two businesses on one gateway: nothing of one is seen, caused or paid for by the other.
@Suite(.timeLimit(.minutes(4)))
struct TwoBusinessesTests {
    @Test(arguments: DemoHouse.channels)
    func `two businesses on one channel never cross`(channel: ChannelID) async throws {
        try await DemoHouse.run { house in
            let other = try await house.openSecondBusiness(on: channel)
            // The same person writes to both.
            let toBob = try await house.ask(channel, "What are your opening hours?")
            let toEve = try await house.ask(channel, "What are your opening hours?", bot: other.bot)
            #expect(try await house.reply(to: toBob).words.contains("Monday to Friday 9:00–18:00"))
            #expect(try await house.reply(to: toEve).words.contains("only at midnight"))
            // Bob's shop is Bob's.
            let stock = try await house.ask(channel, "Do you have iPhone 15 in stock?", bot: other.bot)
            #expect(try await !house.reply(to: stock).words.contains("799"))
            #expect(house.shop.requestCount == 0)
            // And so are his leads.
            let lead = try await house.ask(channel, "Please write to ann@example.com", bot: other.bot)
            _ = try await house.reply(to: lead)
            try await house.taken([toBob, toEve, stock, lead])
            #expect(try await house.stores.leads.page(of: house.businessID).isEmpty)
            let leads = try await house.stores.leads.page(of: other.business)
            #expect(leads.map(\.email) == ["ann@example.com"])

            for table in ["conversations", "contacts", "turns", "deliveries", "api_usage"] {
                for business in [house.businessID, other.business] {
                    let count = try await house.number(
                        "SELECT COUNT(*) FROM \(table) WHERE business_id = $1",
                        [.id(business)]
                    )
                    #expect(count > 0, "\(table)")
                }
            }
            #expect(
                try await house.number("SELECT COUNT(*) FROM turns WHERE business_id = $1", [.id(house.businessID)])
                    == 1
            )
            #expect(try await house.number("SELECT COUNT(*) FROM conversations") == 2)
            #expect(try await house.number("SELECT COUNT(*) FROM contacts") == 2)
        }
    }

    @Test(arguments: DemoHouse.channels)
    func `a webhook that one business's platform signed is refused at the other's address`(
        channel: ChannelID
    ) async throws {
        try await DemoHouse.run { house in
            let other = try await house.openSecondBusiness(on: channel)
            // The second bot's webhooks are sent to the first one's address.
            try house.world.setWebhook(bot: other.bot, url: house.webhookURL(channel), handshake: false)
            let post = try await house.ask(channel, "What are your opening hours?", bot: other.bot)
            try await house.eventually("the gateway has answered") { !house.webhooks(of: post).isEmpty }
            let answers = house.webhooks(of: post)
            #expect(answers.allSatisfy { $0.status == 401 })
            #expect(try await house.number("SELECT COUNT(*) FROM inbox_events") == 0)
            try house.world.setWebhook(bot: other.bot, url: nil)
        }
    }
}

extension DemoHouse {
    struct SecondBusiness: Sendable {
        let business: ID<Business>
        let integration: ID<ParleyCore.Integration>
        let bot: String
    }

    /// Eve's Electronics, with a bot of its own on a channel and one odd entry of knowledge.
    func openSecondBusiness(on channel: ChannelID) async throws -> SecondBusiness {
        let business = try await stores.businesses.create(name: "Eve's Electronics").id
        _ = try await stores.knowledge.importAll(
            [
                KnowledgeDraft(
                    question: "What are your opening hours?",
                    answer: "We are open only at midnight.",
                    keywords: "open opening hours"
                )
            ],
            for: business
        )
        let bot = try world.makeBot(channel: channel, name: "Eve's Electronics")
        let id = ID<ParleyCore.Integration>(at: SystemClock().now)
        let url = "\(baseURL)/webhooks/\(channel)/\(id)"
        var settings = try await ParleySettings.read()
        settings.databaseURL = Secret("sqlite:\(folder)/parley.sqlite")
        settings.slackAPIURL = addresses.emulator + "/slack/api"
        settings.telegramAPIURL = addresses.emulator + "/telegram"
        settings.discordAPIURL = addresses.emulator + "/discord/api/v10"
        settings.whatsAppAPIURL = addresses.emulator + "/whatsapp/v26.0"
        try await Workbench.with(settings, migrates: false, logger: log.logger) { workbench in
            let given = ChannelCredentials(bot.credentials.mapValues { Secret($0) })
            let speaker = try #require(workbench.channels[channel] as? any ConnectingChannel)
            let identity = try await speaker.connect(given, webhookURL: url, over: workbench.transport)
            _ = try await workbench.stores.integrations.connect(
                id: id,
                business: business,
                channel: channel,
                name: identity.name,
                credentials: given.merging(identity.generated).revealedJSON(),
                settings: identity.settings,
                webhookURL: url
            )
        }
        try world.setWebhook(bot: bot.id, url: url, handshake: false)
        return SecondBusiness(business: business, integration: id, bot: bot.id)
    }
}
