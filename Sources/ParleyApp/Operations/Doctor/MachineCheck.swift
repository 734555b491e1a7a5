import ParleyCore
import Storage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The data folder, its files, and the disk that they are on.
struct MachineCheck {
    static let masterKey = "master key"

    /// Below this, commits begin to fail within hours.
    private static let scarce: UInt64 = 100 << 20
    private static let low: UInt64 = 1 << 30

    private let settings: ParleySettings

    init(_ settings: ParleySettings) { self.settings = settings }

    /// Whether there is something to open: a server elsewhere counts as one.
    var hasDatabase: Bool {
        switch try? settings.database() {
        case .sqlite(let path): Self.mode(path) != nil
        case .postgres: true
        case nil: false
        }
    }

    func findings() -> [Doctor.Finding] {
        let folder: String
        let path: String
        do throws(SettingsError) {
            guard case .sqlite(let file) = try settings.database(), let parent = try settings.dataFolder() else {
                return [masterKeyOfNodes]
            }
            (folder, path) = (parent, file)
        } catch {
            return [.bad("database", error.key, fix: error.fix)]
        }
        guard let mode = Self.mode(folder) else {
            return [
                .note(
                    "data folder",
                    "\(folder) does not exist yet",
                    fix: "parley migrate up, or parley serve, makes it"
                ),
                masterKey(in: folder),
            ]
        }
        var findings: [Doctor.Finding] = []
        if access(folder, W_OK | X_OK) != 0 {
            findings.append(
                .bad(
                    "data folder",
                    "\(folder) cannot be written",
                    fix: "run parley as the folder's owner, or: chown it"
                )
            )
        } else if mode & 0o077 != 0 {
            findings.append(.bad("data folder", "\(folder) is open to other users", fix: "chmod 700 \(folder)"))
        } else {
            findings.append(.good("data folder", folder))
        }
        if let mode = Self.mode(path) {
            findings.append(
                mode & 0o077 != 0
                    ? .bad("database file", "\(path) can be read by other users", fix: "chmod 600 \(path)*")
                    : .good("database file", path)
            )
        } else {
            findings.append(
                .note(
                    "database file",
                    "\(path) does not exist yet",
                    fix: "parley migrate up, or parley serve, makes it"
                )
            )
        }
        return findings + [masterKey(in: folder), disk(folder)]
    }

    private var masterKeyOfNodes: Doctor.Finding {
        givenMasterKey
            ?? .bad(
                Self.masterKey,
                "PARLEY_MASTER_KEY is not set, and nodes share no folder to find one in",
                fix: "set it to the same 32 bytes on every node: openssl rand -hex 32"
            )
    }

    /// What there is to say of PARLEY_MASTER_KEY and PARLEY_OTHER_MASTER_KEYS; nil when the former is not set.
    private var givenMasterKey: Doctor.Finding? {
        do throws(SettingsError) {
            _ = try settings.otherKeys()
            return try settings.givenKey().map { .good(Self.masterKey, "\($0.id), from PARLEY_MASTER_KEY") }
        } catch {
            return .bad(Self.masterKey, "\(error.key) is malformed", fix: error.fix)
        }
    }

    private func masterKey(in folder: String) -> Doctor.Finding {
        if let given = givenMasterKey { return given }
        let path = folder + "/master.key"
        guard let mode = Self.mode(path) else {
            guard hasDatabase else { return .note(Self.masterKey, "none yet; the first start makes \(path)") }
            return .bad(
                Self.masterKey,
                "\(path) is missing, but there is a database",
                fix: "put the key back from your copy; without it no stored credential can be read"
            )
        }
        if mode & 0o077 != 0 { return .bad(Self.masterKey, "\(path) can be read by others", fix: "chmod 600 \(path)") }
        return .good(Self.masterKey, "\(path), keep a copy elsewhere")
    }

    private func disk(_ folder: String) -> Doctor.Finding {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return .note("disk space", "it cannot be told") }
        let free = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue
        let text = "\(free >> 20) MiB free"
        if free < Self.scarce {
            return .bad("disk space", text, fix: "free some space: a full disk answers every webhook with 503")
        }
        return free < Self.low ? .note("disk space", text, fix: "free some space soon") : .good("disk space", text)
    }

    /// The permission bits; nil when there is nothing.
    private static func mode(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }
}
