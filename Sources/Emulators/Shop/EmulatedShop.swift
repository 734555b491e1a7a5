import HTTPTypes
import Hummingbird
import ParleyCore
import ServiceLifecycle
import Synchronization

/// Bob's Electronics behind the used subset of Shopify's REST Admin API, version 2026-10, under `/shop`.
///
/// Checks the access token, limits calls with Shopify's leaky bucket (40 calls), and can be told to be slow or to fail:
/// `PUT /emulator/shop {"delay_ms", "status", "stock": {"iPhone 15": 4}}`; `GET /emulator/shop` counts.
package final class EmulatedShop: Sendable {
    /// Good for nothing but this emulator.
    package static let demoToken = "shpat_emulated_bobs_electronics"

    private struct State {
        var catalogue = ShopCatalogue.bobsElectronics
        var requests = 0
        var refused = 0
        var delay: Duration = .zero
        var status: Int?
        var level = 0.0
        var leakedAt: Timestamp?
    }

    private let state = Mutex(State())
    private let token: String
    private let clock: any Clockwork
    private let bucket: Int
    private let leakPerSecond: Double

    package init(
        token: String = EmulatedShop.demoToken,
        clock: any Clockwork = SystemClock(),
        bucket: Int = 40,
        leakPerSecond: Double = 40
    ) {
        self.token = token
        self.clock = clock
        self.bucket = bucket
        self.leakPerSecond = leakPerSecond
    }

    /// Calls of the shop's API so far, refused ones included.
    package var requestCount: Int { state.withLock { $0.requests } }

    /// Changes what is on the shelf; false when there is no such product.
    @discardableResult
    package func setStock(_ quantity: Int, of product: String) -> Bool {
        state.withLock { $0.catalogue.setQuantity(quantity, of: product) }
    }

    /// How long every answer waits.
    package func setDelay(_ delay: Duration) { state.withLock { $0.delay = delay } }

    /// The status that every call fails with from now on; nil ends it.
    package func setFailure(_ status: Int?) { state.withLock { $0.status = status } }

    /// Mounts `/shop/admin/api/2026-10/…` and `/emulator/shop`.
    package func addRoutes(to router: Router<BasicRequestContext>) {
        let api = "/shop/admin/api/2026-10"
        router.get("\(api)/products.json") { request, _ in try await self.answer(request, self.products) }
        router.get("\(api)/products/search.json") { request, _ in try await self.answer(request, self.search) }
        router.get("\(api)/products/{id}.json") { request, context in
            let id = context.parameters.get("id").flatMap { Int($0) }
            return try await self.answer(request) { state, _ in self.product(id, state) }
        }
        router.get("\(api)/inventory_levels.json") { request, _ in try await self.answer(request, self.levels) }
        router.get("\(api)/orders.json") { request, _ in try await self.answer(request, self.orders) }
        router.get("\(api)/shop.json") { request, _ in
            try await self.answer(request) { _, _ in
                .found(["shop": ["id": 1, "name": "Bob's Electronics", "currency": "USD", "iana_timezone": "UTC"]])
            }
        }
        router.get("/emulator/shop") { _, _ in JSONReply.make(self.report) }
        router.put("/emulator/shop") { request, _ in try await self.configure(request) }
    }
}

// MARK: Every call

extension EmulatedShop {
    private enum Finding {
        case found(JSON)
        case refused(Int, String)
    }

    private typealias Query = (String) -> String?

    private func answer(_ request: Request, _ find: (ShopCatalogue, Query) -> Finding) async throws -> Response {
        let given = HTTPField.Name("X-Shopify-Access-Token").flatMap { request.headers[$0] }
        let now = clock.now
        let (delay, failure, level, catalogue) = state.withLock { state in
            state.requests += 1
            return (state.delay, state.status, fill(&state, at: now), state.catalogue)
        }
        if delay > .zero {
            let clock = clock
            try await cancelWhenGracefulShutdown { try await clock.sleep(for: delay) }
        }
        var headers = ["X-Shopify-API-Version": "2026-10", "X-Request-Id": "emulated-\(requestCount)"]
        guard given == token else {
            return refuse(401, "[API] Invalid API key or access token (unrecognized login or wrong password)", headers)
        }
        guard let level else {
            headers["X-Shopify-Shop-Api-Call-Limit"] = "\(bucket)/\(bucket)"
            headers["Retry-After"] = "2.0"
            return refuse(429, "Exceeded \(bucket) calls for api client. Reduce request rates to resume.", headers)
        }
        headers["X-Shopify-Shop-Api-Call-Limit"] = "\(level)/\(bucket)"
        if let failure {
            if failure == 429 { headers["Retry-After"] = "2.0" }
            return refuse(failure, failure == 404 ? "Not Found" : "The emulated shop was told to fail.", headers)
        }
        let parameters = request.uri.queryParameters
        switch find(catalogue, { parameters[Substring($0)].map { String($0) } }) {
        case .found(let json): return JSONReply.make(json, headers: headers)
        case .refused(let status, let reason): return refuse(status, reason, headers)
        }
    }

    private func refuse(_ status: Int, _ errors: String, _ headers: [String: String]) -> Response {
        state.withLock { $0.refused += 1 }
        return JSONReply.make(["errors": JSON(errors)], status: status, headers: headers)
    }

    /// Shopify's leaky bucket: the level after this call, nil when it would overflow.
    private func fill(_ state: inout State, at now: Timestamp) -> Int? {
        if let last = state.leakedAt {
            state.level = max(0, state.level - max(0, now.since(last).inSeconds) * leakPerSecond)
        }
        state.leakedAt = now
        guard state.level + 1 <= Double(bucket) else { return nil }
        state.level += 1
        return Int(state.level.rounded(.up))
    }
}

// MARK: Resources

extension EmulatedShop {
    private func products(_ catalogue: ShopCatalogue, _ query: Query) -> Finding {
        list(query("title").map { catalogue.products(titled: $0) } ?? catalogue.products, query)
    }

    private func search(_ catalogue: ShopCatalogue, _ query: Query) -> Finding {
        list(catalogue.search(query("query") ?? ""), query)
    }

    private func list(_ products: [ShopCatalogue.Product], _ query: Query) -> Finding {
        let limit = query("limit").map { Int($0) } ?? 50
        guard let limit, (1...250).contains(limit) else { return .refused(400, "limit must be between 1 and 250") }
        let now = clock.now
        return .found(["products": .array(products.prefix(limit).map { $0.json(at: now) })])
    }

    private func product(_ id: Int?, _ catalogue: ShopCatalogue) -> Finding {
        guard let product = catalogue.products.first(where: { $0.id == id }) else { return .refused(404, "Not Found") }
        return .found(["product": product.json(at: clock.now)])
    }

    private func levels(_ catalogue: ShopCatalogue, _ query: Query) -> Finding {
        guard let wanted = query("inventory_item_ids")?.split(separator: ",").compactMap({ Int($0) }), !wanted.isEmpty
        else { return .refused(422, "One of location_ids or inventory_item_ids must be given.") }
        let now = clock.now
        let variants = catalogue.products.flatMap(\.variants).filter { wanted.contains($0.inventoryItem) }
        let levels = variants.map { variant -> JSON in
            [
                "inventory_item_id": JSON(variant.inventoryItem), "location_id": 655_441,
                "available": JSON(variant.quantity), "updated_at": JSON(now.description),
            ]
        }
        return .found(["inventory_levels": .array(levels)])
    }

    private func orders(_ catalogue: ShopCatalogue, _ query: Query) -> Finding {
        var orders = catalogue.orders
        switch query("status") ?? "open" {
        case "any": break
        case "open": orders = orders.filter(\.isOpen)
        case "closed": orders = orders.filter { !$0.isOpen }
        default: orders = []
        }
        if let name = query("name") {
            let number = name.hasPrefix("#") ? String(name.dropFirst()) : name
            orders = orders.filter { String($0.number) == number }
        }
        let now = clock.now
        return .found(["orders": .array(orders.map { $0.json(at: now) })])
    }
}

// MARK: Control

extension EmulatedShop {
    private var report: JSON {
        state.withLock { state in
            [
                "requests": JSON(state.requests), "refused": JSON(state.refused),
                "delay_ms": JSON(state.delay.milliseconds), "status": state.status.map { JSON($0) } ?? .null,
                "stock": .object(
                    JSONObject(
                        state.catalogue.products.map { product in
                            .init(key: product.title, value: JSON(product.variants.reduce(0) { $0 + $1.quantity }))
                        }
                    )
                ),
            ]
        }
    }

    private func configure(_ request: Request) async throws -> Response {
        guard let json = try? JSON(parsing: try await JSONReply.body(of: request)), json.object != nil else {
            return JSONReply.make(["error": "The body must be a JSON object."], status: 400)
        }
        if let delay = json["delay_ms"]?.int { setDelay(.milliseconds(max(0, min(delay, 600_000)))) }
        if let status = json["status"] {
            let code = status.int.flatMap { (400...599).contains($0) ? Int($0) : nil }
            guard status.isNull || code != nil else {
                return JSONReply.make(["error": "status is null or between 400 and 599."], status: 400)
            }
            setFailure(code)
        }
        for member in json["stock"]?.object?.members ?? [] {
            guard let quantity = member.value.int, setStock(Int(clamping: quantity), of: member.key) else {
                return JSONReply.make(["error": JSON("No product \(member.key).")], status: 400)
            }
        }
        return JSONReply.make(report)
    }
}
