import ArgumentParser
import ParleyApp

/// `parley doctor`
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks this machine and the platforms' side, and names the exact fix.",
        discussion: "Exit code 1 when anything is wrong."
    )

    @OptionGroup var common: CommonOptions

    func run() async throws {
        try Output.print(await Doctor.examine(configFile: common.configFile), json: common.json)
    }
}
