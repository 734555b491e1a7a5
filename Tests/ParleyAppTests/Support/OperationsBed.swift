import Logging
import ParleyApp
import ParleyCore
import ParleyTesting
import Storage
import Testing

/// What an operator has before any gateway runs: the commands, a business called Acme, and a SQLite database in a folder.
///
/// - Parameter emulators: where emulated platforms listen; otherwise the settings name the real ones.
func withOperations(
    at emulators: String? = nil,
    _ body: (_ operations: Operations, ID<Business>, _ folder: String, any SQLDatabase) async throws -> Void
) async throws {
    try await withTestFolder { folder in
        var settings = try await ParleySettings.read()
        settings.databaseURL = Secret("sqlite:\(folder)/parley.sqlite")
        settings.publicURL = "https://parley.example"
        settings.model = "offline"
        if let emulators {
            settings.slackAPIURL = emulators + "/slack/api"
            settings.telegramAPIURL = emulators + "/telegram"
            settings.discordAPIURL = emulators + "/discord/api/v10"
            settings.whatsAppAPIURL = emulators + "/whatsapp/v26.0"
            settings.allowsPrivateAddresses = true
        }
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try await Workbench.with(settings, logger: quiet) { workbench in
            let operations = Operations(workbench)
            let created = try await operations.createBusiness(named: "Acme")
            let business = try #require(created.json["id"]?.string.flatMap { ID<Business>($0) })
            try await body(operations, business, folder, workbench.database)
        }
    }
}
