import ParleyCore
import Storage

/// The master keys that the settings give; a problem names the setting and never the key.
extension ParleySettings {
    private static let form = "must be 32 bytes, written as 64 hexadecimal digits or as Base64: openssl rand -base64 32"

    /// `PARLEY_MASTER_KEY`, if it is set.
    func givenKey() throws(SettingsError) -> MasterKey? {
        guard let masterKey else { return nil }
        do throws(MasterKeyError) {
            return try MasterKey(text: masterKey)
        } catch {
            throw SettingsError(key: "PARLEY_MASTER_KEY", fix: Self.form)
        }
    }

    static let missingMasterKey = SettingsError(
        key: "PARLEY_MASTER_KEY",
        fix:
            "must be set when the database is PostgreSQL, the same on every node; one is made by: openssl rand -base64 32"
    )

    /// Throws when the keys that are given are malformed, or none is and there is no folder to find one in.
    func requireMasterKey() throws(SettingsError) {
        _ = try otherKeys()
        if try givenKey() == nil, try dataFolder() == nil { throw Self.missingMasterKey }
    }

    /// `PARLEY_OTHER_MASTER_KEYS`, if it is set.
    func otherKeys() throws(SettingsError) -> [MasterKey] {
        guard let otherMasterKeys else { return [] }
        do throws(MasterKeyError) {
            return try MasterKeys.list(otherMasterKeys)
        } catch {
            throw SettingsError(
                key: "PARLEY_OTHER_MASTER_KEYS",
                fix: "each \(Self.form); blanks or commas between them"
            )
        }
    }
}
