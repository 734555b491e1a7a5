import ArgumentParser
import ParleyApp
import ParleyCore

extension ExportSubject: ExpressibleByArgument {}
extension ExportFormat: ExpressibleByArgument {}

/// `parley export`
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes leads, usage or conversations as CSV or JSON Lines.",
        discussion: """
            In CSV an apostrophe is put before what a spreadsheet would run as a formula, a phone number's leading + \
            included; JSON Lines have the values as they are. A file appears whole or not at all, with mode 0600.
            """
    )

    @Argument(help: "leads, usage or conversations.") var subject: ExportSubject
    @Option(help: "The business's id.") var business: ID<Business>
    @Option(help: "csv or jsonl.") var format: ExportFormat
    @Option(help: "The file to write; standard output otherwise.") var output: String?
    @OptionGroup var common: CommonOptions

    func run() async throws {
        var isSaid = false
        let report = try await Operations.run(configFile: common.configFile) { operations in
            let report = try await operations.export(subject, of: business, as: format, to: output)
            isSaid = report != nil
            return report ?? Report(.null, [])
        }
        if isSaid { try Output.print(report, json: common.json) }
    }
}
