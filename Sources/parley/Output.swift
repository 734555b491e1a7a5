import ArgumentParser
import ParleyApp
import ParleyCore

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#else
@preconcurrency import Darwin
#endif

/// How the commands speak: results on standard output, complaints on standard error.
enum Output {
    /// Makes every line visible at once also when another program reads.
    static func writeWholeLines() { setvbuf(stdout, nil, _IOLBF, 0) }

    /// Throws exit code 1 when the report is not good.
    static func print(_ report: Report, json: Bool) throws {
        if json {
            Swift.print(report.json)
        } else {
            let isTerminal = isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == nil
            Swift.print(ReportText(hasColour: isTerminal).render(report))
        }
        if !report.isGood { throw ExitCode.failure }
    }

    /// Says what went wrong, or shows the help that was asked for, and leaves: 0 done, 1 failed, 2 wrong usage.
    static func end(_ error: any Error) -> Never {
        let code = Parley.exitCode(for: error)
        if code == .success {
            Swift.print(Parley.fullMessage(for: error))
        } else if code == .validationFailure {
            complain(Parley.fullMessage(for: error))
        } else if !(error is ExitCode) {
            complain("parley: \(explanation(of: error))")
        }
        exit(code == .success ? 0 : code == .validationFailure ? 2 : 1)
    }

    private static func explanation(of error: any Error) -> String {
        switch error {
        case let error as OperationError: error.description
        case let error as SettingsError: error.description
        default: "\(error)"
        }
    }

    private static func complain(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

extension ID: ExpressibleByArgument {
    /// The 36-character text form.
    public init?(argument: String) { self.init(argument) }
}
