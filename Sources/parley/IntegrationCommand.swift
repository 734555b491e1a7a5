import ArgumentParser
import ParleyApp
import ParleyCore

/// `parley integration`
struct IntegrationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "integration",
        abstract: "Connects a business's live data: stock, prices, orders.",
        subcommands: [Add.self, List.self, Test.self]
    )

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds live data and enables its tools.",
            subcommands: [Shopify.self]
        )
    }

    struct Shopify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a Shopify shop: stock, prices, search, order status.",
            discussion: "The token is that of a custom app with read_products, read_inventory and read_orders."
        )

        @Option(help: "The business's id.") var business: ID<Business>
        @Option(help: "https://YOUR-SHOP.myshopify.com") var baseURL: String
        @Option(help: ArgumentHelp("A file that holds the Admin API access token, or -.", valueName: "file|-"))
        var tokenFile: String
        @Option(help: "What to call it.") var name = "Shopify"
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await common.run {
                try await $0.addShopify(of: business, name: name, baseURL: baseURL, token: InputFile(tokenFile))
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists a business's live data.")

        @Option(help: "The business's id.") var business: ID<Business>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.listDataIntegrations(of: business) } }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Asks one harmless question and says how it went.")

        @Argument(help: "The integration's id.") var id: ID<DataIntegration>
        @Option(help: "The business's id.") var business: ID<Business>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.testDataIntegration(id, of: business) } }
    }
}
