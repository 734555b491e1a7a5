import Foundation
import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

/// The line to a server that has TLS, over certificates made for the occasion.
@Suite(
    .enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)"),
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl"), "openssl is not installed"),
    .timeLimit(.minutes(4))
)
struct PostgresTLSTests {
    @Test func `TLS is spoken as the URL asks, and a server that is not who it says is refused`() async throws {
        try await TestServer.with { server in
            let folder = try await secure(server)
            let byName = server.url.replacing("127.0.0.1", with: "localhost")
            let right = "sslrootcert=\(folder)/ca.pem"

            #expect(try await isEncrypted(server.url + "?sslmode=disable") == false)
            #expect(try await isEncrypted(server.url + "?sslmode=require") == true)
            #expect(try await isEncrypted(byName + "?sslmode=verify-full&" + right) == true)
            // The certificate names localhost alone; who asks for no name is content.
            #expect(try await isEncrypted(server.url + "?sslmode=verify-ca&" + right) == true)

            let wrongName = try await refusal(server.url + "?sslmode=verify-full&" + right)
            #expect(wrongName.contains("does not match host name"), "\(wrongName)")
            #expect(wrongName.contains("PARLEY_DATABASE_URL must name the server as its certificate does"))
            let stranger = try await refusal(byName + "?sslmode=verify-full&sslrootcert=\(folder)/stranger.pem")
            #expect(stranger.contains("certificate verify failed"), "\(stranger)")
            #expect(stranger.contains("sslrootcert of PARLEY_DATABASE_URL"))
            let missing = try await refusal(byName + "?sslmode=verify-full&sslrootcert=\(folder)/nowhere.pem")
            #expect(missing.contains("set sslrootcert in PARLEY_DATABASE_URL"), "\(missing)")
            for text in [wrongName, stranger, missing] { #expect(!text.contains("parley-test-password")) }
        }
    }

    @Test func `a server without TLS is refused where TLS is asked for`() async throws {
        let url = try #require(TestPostgres.url)
        let plain = try await refusal(url + (url.contains("?") ? "&" : "?") + "sslmode=require")
        #expect(plain.contains("the server has ssl=off"), "\(plain)")
    }

    /// Whether the line of a connection is encrypted, by the server's word.
    private func isEncrypted(_ url: String) async throws -> Bool {
        let database = try await PostgresDatabase.open(url: Secret(url + "&connect_timeout=30&pool_timeout=60&pool=1"))
        do {
            let found = try await database.one("SELECT ssl::int AS n FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            await database.close()
            return try #require(found) == 1
        } catch {
            await database.close()
            throw error
        }
    }

    private func refusal(_ url: String) async throws -> String {
        let error = await #expect(throws: PostgresUnreachable.self) {
            let database = try await PostgresDatabase.open(url: Secret(url + "&connect_timeout=30"))
            await database.close()
        }
        return error?.description ?? ""
    }

    /// Gives the server a certificate for `localhost` and switches TLS on. The folder of its authority's certificate.
    private func secure(_ server: TestServer) async throws -> String {
        let folder = server.folder + "/tls"
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        let script = """
            mkdir '\(folder)' && cd '\(folder)'
            openssl req -x509 \(key) -keyout ca.key -out ca.pem -subj /CN=test-authority 2>/dev/null
            openssl req -x509 \(key) -keyout stranger.key -out stranger.pem -subj /CN=stranger 2>/dev/null
            printf 'subjectAltName=DNS:localhost' >names
            openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr \
                -subj /CN=localhost 2>/dev/null
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names \
                -out server.pem 2>/dev/null
            chmod 600 server.key
            [ "$(id -u)" != 0 ] || chown -R postgres .
            {
                echo "ssl = on"
                echo "ssl_cert_file = '\(folder)/server.pem'"
                echo "ssl_key_file = '\(folder)/server.key'"
            } >>'\(server.folder)/data/postgresql.conf'
            """
        try await run("/bin/sh", ["-e", "-c", script])
        try await server.stop("fast")
        try await server.start()
        return folder
    }
}
