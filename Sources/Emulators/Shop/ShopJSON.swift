import ParleyCore

/// The catalogue as Shopify's REST Admin API spells it: money as text, times in ISO 8601, ids as numbers.
extension ShopCatalogue.Product {
    func json(at now: Timestamp) -> JSON {
        [
            "id": JSON(id),
            "title": JSON(title),
            "body_html": JSON("<p>\(title) at Bob's Electronics.</p>"),
            "vendor": JSON(vendor),
            "product_type": JSON(kind),
            "handle": JSON(title.lowercased().split(separator: " ").joined(separator: "-")),
            "status": "active",
            "tags": JSON(tags),
            "admin_graphql_api_id": JSON("gid://shopify/Product/\(id)"),
            "created_at": "2026-01-05T09:00:00Z",
            "updated_at": JSON(now.description),
            "variants": .array(variants.enumerated().map { $0.element.json(of: id, position: $0.offset + 1) }),
        ]
    }
}

extension ShopCatalogue.Variant {
    func json(of product: Int, position: Int) -> JSON {
        [
            "id": JSON(id),
            "product_id": JSON(product),
            "title": JSON(title),
            "price": JSON(money(price)),
            "compare_at_price": .null,
            "sku": JSON(sku),
            "position": JSON(position),
            "inventory_policy": "deny",
            "inventory_management": "shopify",
            "inventory_item_id": JSON(inventoryItem),
            "inventory_quantity": JSON(quantity),
            "old_inventory_quantity": JSON(quantity),
            "taxable": true,
            "requires_shipping": true,
        ]
    }
}

extension ShopCatalogue.Order {
    func json(at now: Timestamp) -> JSON {
        let ordered = now.advanced(by: .seconds(-daysAgo * 86_400))
        return [
            "id": JSON(450_000 + number),
            "name": JSON("#\(number)"),
            "order_number": JSON(number),
            "email": "ann@example.com",
            "created_at": JSON(ordered.description),
            "updated_at": JSON(now.description),
            "closed_at": isOpen ? .null : JSON(now.description),
            "cancelled_at": .null,
            "currency": "USD",
            "financial_status": "paid",
            "fulfillment_status": shipment == nil ? .null : "fulfilled",
            "total_price": JSON(money(total)),
            "subtotal_price": JSON(money(total)),
            "customer": ["id": 7001, "first_name": "Ann", "last_name": "Example", "email": "ann@example.com"],
            "line_items": .array(
                lines.enumerated().map { index, line in
                    [
                        "id": JSON(number * 10 + index), "title": JSON(line.title), "quantity": JSON(line.quantity),
                        "price": JSON(money(line.price)), "fulfillment_status": shipment == nil ? .null : "fulfilled",
                    ]
                }
            ),
            "fulfillments": .array(fulfilments(at: now)),
        ]
    }

    private func fulfilments(at now: Timestamp) -> [JSON] {
        guard let shipment, let tracking else { return [] }
        return [
            [
                "id": JSON(900_000 + number),
                "status": "success",
                "shipment_status": JSON(shipment),
                "tracking_company": "UPS",
                "tracking_number": JSON(tracking),
                "tracking_url": JSON("https://www.ups.com/track?tracknum=\(tracking)"),
                "created_at": JSON(now.advanced(by: .seconds(-(daysAgo - 1) * 86_400)).description),
                "updated_at": JSON(now.description),
            ]
        ]
    }
}

private func money(_ cents: Int) -> String {
    "\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)"
}
