import ParleyCore

/// What Bob's Electronics sells, and what it has sold.
struct ShopCatalogue: Sendable {
    struct Product: Sendable {
        var id: Int
        var title: String
        var kind: String
        var vendor: String
        var tags: String
        var variants: [Variant]
    }

    struct Variant: Sendable {
        var id: Int
        var title: String
        var sku: String
        /// In cents.
        var price: Int
        var quantity: Int

        var inventoryItem: Int { id + 1_000_000 }
    }

    struct Order: Sendable {
        var number: Int
        var daysAgo: Int64
        var lines: [(title: String, quantity: Int, price: Int)]
        /// Shopify's `shipment_status`; nil: not fulfilled yet.
        var shipment: String?
        var tracking: String?

        var isOpen: Bool { shipment != "delivered" }
        var total: Int { lines.reduce(0) { $0 + $1.quantity * $1.price } }
    }

    var products: [Product]
    let orders: [Order]

    /// An iPhone 15 (5 in stock, $799.00) and what stands beside it on the shelf.
    static let bobsElectronics = ShopCatalogue(
        products: [
            single(1, "iPhone 15", "Phone", "Apple", sku: "IP15-128-BLK", price: 79_900, quantity: 5),
            single(2, "iPhone 15 Pro", "Phone", "Apple", sku: "IP15P-256-TIT", price: 99_900, quantity: 0),
            single(3, "Pixel 9", "Phone", "Google", sku: "PX9-128-OBS", price: 69_900, quantity: 12),
            single(4, "AirPods Pro", "Audio", "Apple", sku: "APP-2-USBC", price: 24_900, quantity: 23),
            single(5, "USB-C charger 30W", "Accessory", "Anker", sku: "CHG-30W", price: 3_900, quantity: 140),
            single(6, "Galaxy S24", "Phone", "Samsung", sku: "GS24-128", price: 74_900, quantity: 7),
            single(7, "MacBook Air 13", "Laptop", "Apple", sku: "MBA13-M3", price: 109_900, quantity: 3),
            Product(
                id: 8008,
                title: "Screen protector",
                kind: "Accessory",
                vendor: "Bob's",
                tags: "glass, protection",
                variants: [
                    Variant(id: 48_081, title: "iPhone 15", sku: "SP-IP15", price: 1_500, quantity: 60),
                    Variant(id: 48_082, title: "Pixel 9", sku: "SP-PX9", price: 1_500, quantity: 0),
                ]
            ),
        ],
        orders: [
            Order(
                number: 1001,
                daysAgo: 3,
                lines: [("iPhone 15", 1, 79_900)],
                shipment: "in_transit",
                tracking: "1Z999AA10123456784"
            ),
            Order(number: 1002, daysAgo: 1, lines: [("AirPods Pro", 1, 24_900), ("USB-C charger 30W", 2, 3_900)]),
            Order(
                number: 1003,
                daysAgo: 12,
                lines: [("Pixel 9", 1, 69_900)],
                shipment: "delivered",
                tracking: "1Z999AA10198765432"
            ),
        ]
    )

    /// A product's variant by its product's title; for changing the stock.
    mutating func setQuantity(_ quantity: Int, of title: String) -> Bool {
        guard let index = products.firstIndex(where: { $0.title.lowercased() == title.lowercased() }) else {
            return false
        }
        products[index].variants = products[index].variants.map { variant in
            var changed = variant
            changed.quantity = quantity
            return changed
        }
        return true
    }

    /// Products whose title is exactly this; when there is none, those that have every word, shortest title first.
    func products(titled title: String) -> [Product] {
        let exact = products.filter { $0.title.lowercased() == title.lowercased() }
        return exact.isEmpty ? search(title) : exact
    }

    /// Products that have every word of the query in title, kind, vendor, tags or SKU; a plural "s" is forgiven.
    func search(_ query: String) -> [Product] {
        let words = query.lowercased().split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "-") })
            .map { $0.count > 3 && $0.hasSuffix("s") ? $0.dropLast() : $0 }
        guard !words.isEmpty else { return [] }
        let found = products.filter { product in
            let text =
                "\(product.title) \(product.kind) \(product.vendor) \(product.tags)".lowercased()
                + product.variants.map { " \($0.sku.lowercased())" }.joined()
            return words.allSatisfy { text.contains($0) }
        }
        return found.sorted { ($0.title.count, $0.id) < ($1.title.count, $1.id) }
    }

    private static func single(
        _ number: Int,
        _ title: String,
        _ kind: String,
        _ vendor: String,
        sku: String,
        price: Int,
        quantity: Int
    ) -> Product {
        Product(
            id: 8000 + number,
            title: title,
            kind: kind,
            vendor: vendor,
            tags: kind.lowercased(),
            variants: [
                Variant(id: 48_000 + number * 10, title: "Default Title", sku: sku, price: price, quantity: quantity)
            ]
        )
    }
}
