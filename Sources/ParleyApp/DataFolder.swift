import ParleyCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The folder that holds the database and the master key: readable by its owner alone.
enum DataFolder {
    /// Makes the folder and its parents where they are missing.
    static func make(_ path: String?) throws(SettingsError) {
        guard let path else { return }
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += made.isEmpty || made.hasSuffix("/") ? String(part) : "/\(part)"
            guard mkdir(made, 0o700) != 0, errno != EEXIST else { continue }
            throw SettingsError(
                key: "PARLEY_DATABASE_URL",
                fix: "the folder \(made) cannot be made; check its permissions"
            )
        }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Puts a finished file in place of the one before, in one step.
    static func rename(_ path: String, to target: String) throws(SettingsError) {
        #if canImport(Glibc)
        let result = Glibc.rename(path, target)
        #elseif canImport(Musl)
        let result = Musl.rename(path, target)
        #else
        let result = Darwin.rename(path, target)
        #endif
        guard result == 0 else { throw SettingsError(key: "--data", fix: "\(target) cannot be written") }
    }
}
