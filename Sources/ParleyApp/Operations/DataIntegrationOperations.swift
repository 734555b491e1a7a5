import Integrations
import ParleyCore
import Storage

// parley integration
extension Operations {
    package func addShopify(
        of business: ID<Business>,
        name: String,
        baseURL: String,
        token file: InputFile
    ) async throws -> Report {
        _ = try await self.business(business)
        let url = String(baseURL.trimmed.reversed().drop { $0 == "/" }.reversed())
        guard !url.contains("?"), !url.contains("#") else {
            throw OperationError("--base-url must not have a query", fix: "use https://YOUR-SHOP.myshopify.com")
        }
        if let refusal = OutboundAddress.refusal(of: url, allowsPrivate: workbench.settings.allowsPrivateAddresses) {
            throw OperationError(
                "--base-url: \(refusal)",
                fix: "use https://YOUR-SHOP.myshopify.com; for a shop on this machine or in a private network set "
                    + "PARLEY_ALLOW_PRIVATE_ADDRESSES=true, here and for parley serve"
            )
        }
        let token = try file.text(upTo: 4096).trimmed
        guard !token.isEmpty, token.utf8.allSatisfy({ (0x21..<0x7F).contains($0) }) else {
            throw OperationError(
                "the token in \(file.name) is empty or has blanks in it",
                fix: "give the Admin API access token alone (shpat_…), on one line"
            )
        }
        let endpoints = ShopifyPreset.endpoints(at: workbench.clock.now).map { EndpointRecord($0) }
        let id: ID<DataIntegration>
        do {
            id = try await stores.dataIntegrations.create(
                business: business,
                kind: .shopify,
                name: name,
                baseURL: url,
                authType: .header,
                credentials: Secret(["name": JSON(ShopifyPreset.tokenHeader), "value": JSON(token)]),
                endpoints: endpoints
            )
        } catch SQLError.unique {
            throw OperationError(
                "this business has these tools already",
                fix: "see: parley integration list --business \(business)"
            )
        }
        let tools = endpoints.map(\.toolName)
        return Report(
            [
                "id": JSON(id.description), "kind": "shopify", "name": JSON(name), "base_url": JSON(url),
                "tools": .array(tools.map { JSON($0) }),
            ],
            [
                .line("Added the shop “\(name)”."),
                .fields([("id", id.description), ("address", url), ("tools", tools.joined(separator: ", "))]),
                .line("Try it: parley integration test \(id) --business \(business)"),
            ]
        )
    }

    package func listDataIntegrations(of business: ID<Business>) async throws -> Report {
        _ = try await self.business(business)
        let records = try await stores.dataIntegrations.list(of: business)
        return Report(
            records.map(\.json),
            ["ID", "KIND", "NAME", "STATE", "ADDRESS", "LAST TEST"],
            records.map { record in
                [
                    record.id.description, record.kind.rawValue, record.name, record.isActive ? "active" : "inactive",
                    record.baseURL,
                    record.lastTestedAt.map { "\(record.lastTestResult ?? "") (\($0.dayAndTime))" } ?? "never",
                ]
            },
            whenEmpty: "No live data yet. Add a shop with: parley integration add shopify --business ID --base-url URL "
                + "--token-file FILE"
        )
    }

    package func testDataIntegration(_ id: ID<DataIntegration>, of business: ID<Business>) async throws -> Report {
        _ = try await self.business(business)
        guard let loaded = try await stores.dataIntegrations.load(of: business).first(where: { $0.record.id == id })
        else {
            throw OperationError(
                "this business has no active integration \(id)",
                fix: "see: parley integration list --business \(business)"
            )
        }
        let probe = await DataProbe(workbench).ask(loaded)
        _ = try await stores.dataIntegrations.recordTest(probe.isGood ? "ok" : probe.what, id, of: business)
        return Report(
            ["id": JSON(id.description), "ok": .bool(probe.isGood), "result": JSON(probe.what)],
            [.check(probe.isGood ? .good : .bad, "\(loaded.record.name): \(probe.what)", fix: probe.fix)],
            isGood: probe.isGood
        )
    }
}

/// One harmless question to a data integration.
struct DataProbe {
    struct Result {
        var isGood: Bool
        var what: String
        var fix: String?
    }

    private let settings: ParleySettings
    private let transport: any HTTPTransport

    init(_ workbench: Workbench) {
        settings = workbench.settings
        transport = workbench.transport
    }

    func ask(_ loaded: LoadedDataIntegration) async -> Result {
        let base = loaded.record.baseURL
        if let refusal = OutboundAddress.refusal(of: base, allowsPrivate: settings.allowsPrivateAddresses) {
            return Result(isGood: false, what: refusal, fix: "set PARLEY_ALLOW_PRIVATE_ADDRESSES=true if that is meant")
        }
        // Shopify REST Admin API, Shop: readable with every token.
        let path = loaded.record.kind == .shopify ? "/admin/api/2026-10/shop.json" : ""
        let headers = loaded.authHeaders.map { header in (name: header.name, value: header.value.reveal { $0 }) }
        do {
            let answer = try await transport.send(
                HTTPCall(.get, base + path, headers: headers, timeout: Limits.toolTimeout)
            )
            return judge(answer)
        } catch {
            return Result(isGood: false, what: "no answer from \(base)", fix: "check the address and the network")
        }
    }

    private func judge(_ answer: HTTPAnswer) -> Result {
        switch answer.status {
        case 200..<300:
            let shop = answer.json?["shop"]?["name"]?.string
            return Result(isGood: true, what: shop.map { "it answers as “\($0)”" } ?? "it answers", fix: nil)
        case 401, 403:
            return Result(
                isGood: false,
                what: "the token is refused (HTTP \(answer.status))",
                fix: "copy the Admin API access token again, with the scopes read_products, read_inventory, read_orders"
            )
        case 404: return Result(isGood: false, what: "there is no shop (HTTP 404)", fix: "check the address")
        default: return Result(isGood: false, what: "it answers HTTP \(answer.status)", fix: "try again in a moment")
        }
    }
}

extension DataIntegrationRecord {
    var json: JSON {
        [
            "id": JSON(id.description), "kind": JSON(kind.rawValue), "name": JSON(name), "base_url": JSON(baseURL),
            "is_active": .bool(isActive), "last_tested_at": lastTestedAt.map { JSON($0.description) } ?? .null,
            "last_test_result": lastTestResult.map { JSON($0) } ?? .null,
        ]
    }
}
