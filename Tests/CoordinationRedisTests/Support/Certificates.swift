import Foundation
import Testing

/// Lends a folder with `ca.pem`, a server certificate for localhost signed by it, and a stranger's authority.
func withTLSFolder(_ body: (String) async throws -> Void) async throws {
    let folder = NSTemporaryDirectory() + "parley-tls-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    try shell(
        """
        openssl req -x509 \(key) -keyout ca.key -out ca.pem -subj /CN=test-authority
        openssl req -x509 \(key) -keyout stranger.key -out stranger.pem -subj /CN=stranger
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' > names
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr -subj /CN=localhost
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem
        """,
        in: folder
    )
    try await body(folder)
}

private func shell(_ script: String, in folder: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-e", "-c", script]
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
}
