import AsyncHTTPClient
import ParleyCore
import Storage

/// `parley doctor`: looks at this machine and at the platforms' side, and names the exact fix. Changes nothing.
package struct Doctor: Sendable {
    /// One thing that was looked at.
    struct Finding: Sendable {
        var mark: Report.Mark
        var subject: String
        var what: String
        var fix: String?

        static func good(_ subject: String, _ what: String) -> Finding {
            Finding(mark: .good, subject: subject, what: what)
        }

        static func note(_ subject: String, _ what: String, fix: String? = nil) -> Finding {
            Finding(mark: .note, subject: subject, what: what, fix: fix)
        }

        static func bad(_ subject: String, _ what: String, fix: String) -> Finding {
            Finding(mark: .bad, subject: subject, what: what, fix: fix)
        }
    }

    /// Looks at everything that the settings name.
    package static func examine(configFile: String?) async -> Report {
        do throws(SettingsError) {
            let settings = try await ParleySettings.read(file: configFile)
            return await examine(settings)
        } catch {
            return report([.bad("settings", error.key, fix: error.fix)])
        }
    }

    package static func examine(_ settings: ParleySettings) async -> Report {
        var findings: [Finding] = [.good("settings", "they can be read")]
        findings += MachineCheck(settings).findings()
        if let address = settings.redis { findings += await RedisCheck(address).findings() }
        guard MachineCheck(settings).hasDatabase else { return report(await withoutDatabase(settings, findings)) }
        var settings = settings
        let hasKey = findings.allSatisfy { $0.mark != .bad || $0.subject != MachineCheck.masterKey }
        if !hasKey {
            // The database can be looked at without it. Opening would make a new key in place of one that is missing.
            settings.masterKey = Secret(String(repeating: "0", count: 64))
            settings.otherMasterKeys = nil
        }
        do {
            let logger = Operations.logger(settings)
            findings += try await Workbench.with(settings, migrates: false, logger: logger) { workbench in
                var findings = await DatabaseCheck(workbench, looksAtKeys: hasKey).findings()
                if !hasKey {
                    let fix = "give it the master key and run parley doctor again"
                    findings.append(.note("channels", "nothing that is stored encrypted was looked at", fix: fix))
                } else if findings.allSatisfy({ $0.mark != .bad }) {
                    findings += await RemoteCheck(workbench).findings()
                }
                return findings
            }
        } catch {
            findings.append(
                .bad("database", "it cannot be opened: \(error)", fix: "put that right and run parley doctor again")
            )
        }
        return report(findings)
    }

    /// The first visit, before anything was made: only what needs no database.
    private static func withoutDatabase(_ settings: ParleySettings, _ findings: [Finding]) async -> [Finding] {
        let outgoing = OutgoingHTTP()
        let models = await ModelCheck(settings, transport: outgoing).findings([settings.model])
        try? await outgoing.shutdown()
        return findings + models + [RemoteCheck.publicURL(settings, isNeeded: false)]
    }

    private static func report(_ findings: [Finding]) -> Report {
        let bad = findings.filter { $0.mark == .bad }.count
        let width = findings.map(\.subject.count).max() ?? 0
        let blocks = findings.map { finding in
            let blanks = String(repeating: " ", count: width - finding.subject.count + 2)
            return Report.Block.check(finding.mark, finding.subject + blanks + finding.what, fix: finding.fix)
        }
        let summary =
            bad == 0
            ? "\nNothing is wrong."
            : "\n\(bad) \(bad == 1 ? "thing is" : "things are") wrong; the arrows say what to do."
        return Report(
            [
                "ok": .bool(bad == 0),
                "checks": .array(
                    findings.map { finding in
                        [
                            "subject": JSON(finding.subject), "result": JSON("\(finding.mark)"),
                            "what": JSON(finding.what), "fix": finding.fix.map { JSON($0) } ?? .null,
                        ]
                    }
                ),
            ],
            blocks + [.line(summary)],
            isGood: bad == 0
        )
    }
}
