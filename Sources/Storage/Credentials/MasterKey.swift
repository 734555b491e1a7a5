import Crypto
import FoundationEssentials
import ParleyCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The key that wraps every business's data key; it lives outside the database.
package struct MasterKey: Sendable {
    /// Told from another by it in `business_keys`: the first 8 bytes of the key's SHA-256, in hexadecimal.
    package let id: String
    let bytes: Secret<[UInt8]>

    /// From 32 bytes; nil for any other number.
    package init?(_ bytes: Secret<[UInt8]>) {
        let digest: SHA256.Digest? = bytes.reveal { $0.count == 32 ? SHA256.hash(data: $0) : nil }
        guard let digest else { return nil }
        id = Hex.encode(digest.prefix(8))
        self.bytes = bytes
    }

    /// Reads 64 hexadecimal digits, or Base64 of 32 bytes; for `PARLEY_MASTER_KEY`. Throws ``MasterKeyError/malformed``.
    package init(text: Secret<String>) throws(MasterKeyError) {
        let bytes: [UInt8]? = text.reveal { text in
            let text = text.trimmed
            return text.utf8.count == 64 ? Hex.decode(text) : Data(base64Encoded: text).map { Array($0) }
        }
        guard let bytes, let key = MasterKey(Secret(bytes)) else { throw .malformed }
        self = key
    }

    /// A new key from the system's source of randomness.
    package static func random() -> MasterKey {
        let bytes = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
        return MasterKey(id: Hex.encode(SHA256.hash(data: bytes).prefix(8)), bytes: Secret(bytes))
    }

    private init(id: String, bytes: Secret<[UInt8]>) {
        self.id = id
        self.bytes = bytes
    }

    var symmetric: SymmetricKey { bytes.reveal { SymmetricKey(data: $0) } }
}

/// The master key under which secrets go, and others under which some may still lie, while keys are changed.
package struct MasterKeys: Sendable {
    package let current: MasterKey
    /// For reading alone.
    package let others: [MasterKey]

    package init(current: MasterKey, others: [MasterKey] = []) {
        self.current = current
        self.others = others
    }

    /// Those that blanks, line ends or commas separate. Throws ``MasterKeyError/malformed``.
    package static func list(_ text: Secret<String>) throws(MasterKeyError) -> [MasterKey] {
        let words = text.reveal { text in
            text.split { $0.isWhitespace || $0 == "," }.map { Secret(String($0)) }
        }
        var keys: [MasterKey] = []
        for word in words { keys.append(try MasterKey(text: word)) }
        return keys
    }

    package subscript(id: String) -> MasterKey? {
        current.id == id ? current : others.first { $0.id == id }
    }
}

/// Why there is no master key. Says nothing of its content.
package enum MasterKeyError: Error, Sendable, Equatable, CustomStringConvertible {
    case malformed
    case readableByOthers(path: String)
    case unreadable(path: String)

    package var description: String {
        switch self {
        case .malformed: "the master key must be 32 bytes, written as 64 hexadecimal digits or as Base64"
        case .readableByOthers(let path): "the master key in \(path) can be read by others; run `chmod 600 \(path)`"
        case .unreadable(let path): "the master key in \(path) can neither be read nor written"
        }
    }
}

// MARK: - In a file

extension MasterKeys {
    /// The keys in the file, a line each and the current one first; or a new one written there with mode 0600.
    ///
    /// The file appears whole or not at all, and a key that another process wrote in the meantime is the one that counts.
    package static func loadOrCreate(path: String) throws(MasterKeyError) -> (keys: MasterKeys, isNew: Bool) {
        if let keys = try load(path: path) { return (keys, false) }
        let key = MasterKey.random()
        let draft = "\(path).\(UUID7(at: SystemClock().now))"
        defer { unlink(draft) }
        guard write(key, to: draft) else { throw .unreadable(path: path) }
        // Unlike a rename, a link never replaces a key that is there.
        if link(draft, path) == 0 { return (MasterKeys(current: key), true) }
        guard let winner = try load(path: path) else { throw .unreadable(path: path) }
        return (winner, false)
    }

    private static func load(path: String) throws(MasterKeyError) -> MasterKeys? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw .unreadable(path: path) }
            return nil
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(path: path) }
        guard status.st_mode & 0o077 == 0 else { throw .readableByOthers(path: path) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw .unreadable(path: path) }
        let keys = try list(Secret(String(decoding: buffer.prefix(count), as: UTF8.self)))
        guard let current = keys.first else { throw .malformed }
        return MasterKeys(current: current, others: Array(keys.dropFirst()))
    }

    private static func write(_ key: MasterKey, to path: String) -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return key.bytes.reveal { bytes in
            let line = Array((Hex.encode(bytes) + "\n").utf8)
            #if canImport(Darwin)
            let written = Darwin.write(descriptor, line, line.count)
            #elseif canImport(Musl)
            let written = Musl.write(descriptor, line, line.count)
            #else
            let written = Glibc.write(descriptor, line, line.count)
            #endif
            return written == line.count && fsync(descriptor) == 0
        }
    }
}
