import Logging
import ParleyCore
import Storage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the commands do; each file beside this one tells the story of one command.
package struct Operations: Sendable {
    let workbench: Workbench

    package init(_ workbench: Workbench) { self.workbench = workbench }

    var stores: Stores { workbench.stores }

    /// Opens what the settings name, does one command's work, and closes again.
    ///
    /// - Parameter migrates: false leaves the schema as it is.
    package static func run(
        configFile: String?,
        migrates: Bool = true,
        _ body: (Operations) async throws -> Report
    ) async throws -> Report {
        let settings = try await ParleySettings.read(file: configFile)
        return try await Workbench.with(settings, migrates: migrates, logger: logger(settings)) { workbench in
            try await body(Operations(workbench))
        }
    }

    /// Warnings on standard error, unless a level was asked for.
    package static func logger(_ settings: ParleySettings) -> Logger {
        let isAskedFor = getenv("PARLEY_LOG_LEVEL") != nil || settings.logLevel != .info
        let level = isAskedFor ? settings.logLevel : .warning
        return Logger(label: "parley") { LineLogHandler(label: $0, level: level, json: settings.logsJSON) }
    }
}

/// Why a command could not do its work: what is wrong, and what to do next. Never a secret.
package struct OperationError: Error, Sendable, Equatable, CustomStringConvertible {
    package let problem: String
    package let fix: String

    package init(_ problem: String, fix: String) {
        self.problem = problem
        self.fix = fix
    }

    package var description: String { fix.isEmpty ? problem : "\(problem)\n  → \(fix)" }
}

// MARK: - Looking things up

extension Operations {
    func business(_ id: ID<Business>) async throws -> BusinessRecord {
        guard let business = try await stores.businesses.business(id) else {
            throw OperationError("there is no business \(id)", fix: "list them with: parley business list")
        }
        return business
    }

    func everyBusiness() async throws -> [BusinessRecord] {
        var all: [BusinessRecord] = []
        while true {
            let page = try await stores.businesses.list(after: all.last?.id, limit: 500)
            all += page
            guard page.count == 500 else { return all }
        }
    }

    /// One business when named, all of them otherwise.
    func businesses(_ id: ID<Business>?) async throws -> [BusinessRecord] {
        guard let id else { return try await everyBusiness() }
        return [try await business(id)]
    }

    func integration(_ id: ID<Integration>) async throws -> LoadedIntegration {
        guard let integration = try await stores.integrations.load(id) else {
            throw OperationError("there is no channel integration \(id)", fix: "list them with: parley channel list")
        }
        return integration
    }
}
