/// How a channel writes a reply document: four functions' worth of difference between platforms.
///
/// Rendering is pure and total: whatever the tree holds, the result is well-formed for the platform.
package protocol Markup: Sendable {
    /// The document in the platform's own formatting, ready to send.
    func render(_ document: ReplyDocument) -> String

    /// The size of a rendered text in the unit in which the platform counts, after whatever the platform does not
    /// count (Telegram counts the text after its entities are parsed).
    func length(of rendered: String) -> Int
}
