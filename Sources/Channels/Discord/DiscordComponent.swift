import ChannelKit
import ParleyCore

/// A pressed button is its `custom_id`; a chosen menu entry is what the person read, where the message tells.
struct DiscordComponent: DiscordUtterance {
    let text: String
    let attachments: [InboundEvent.Attachment] = []

    init(_ data: JSON?, in message: JSON?) {
        let id = data?["custom_id"]?.string ?? ""
        let values = (data?["values"]?.array ?? []).compactMap(\.string)
        let menu = message.flatMap { Self.menu(id, in: $0) }
        let words = values.map { value in
            menu?["options"]?.array?.first { $0["value"]?.string == value }?["label"]?.string ?? value
        }
        text = words.isEmpty ? id : words.joined(separator: ", ")
    }

    /// Components nest in rows and containers; the parser bounds the depth.
    private static func menu(_ id: String, in parent: JSON) -> JSON? {
        for component in parent["components"]?.array ?? [] {
            if component["custom_id"]?.string == id { return component }
            if let menu = menu(id, in: component) { return menu }
        }
        return nil
    }
}

/// A form that was filled in: its texts, a line each.
struct DiscordModal: DiscordUtterance {
    let text: String
    let attachments: [InboundEvent.Attachment] = []

    init(_ data: JSON?) {
        let inputs = data.map { Self.inputs(in: $0) } ?? []
        let joined = inputs.joined(separator: "\n")
        text = joined.isEmpty ? data?["custom_id"]?.string ?? "" : joined
    }

    /// A text input (type 4) stands in a label's `component`, in older forms in a row's `components`.
    private static func inputs(in parent: JSON) -> [String] {
        let children = (parent["components"]?.array ?? []) + [parent["component"]].compactMap(\.self)
        return children.flatMap { child -> [String] in
            if child["type"]?.int == 4, let value = child["value"]?.string?.trimmed, !value.isEmpty { return [value] }
            return inputs(in: child)
        }
    }
}
