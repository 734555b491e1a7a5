import HTTPTypes
import Hummingbird
import ParleyCore

/// The page's files, embedded in the binary, with the headers that keep it on this origin.
enum PlaygroundPage {
    static func addRoutes(to router: Router<some RequestContext>) {
        add(router, "/playground", PackageResources.index_html, "text/html; charset=utf-8")
        add(router, "/playground/app.js", PackageResources.app_js, "text/javascript; charset=utf-8")
        add(router, "/playground/journey.js", PackageResources.journey_js, "text/javascript; charset=utf-8")
        add(router, "/playground/markup.js", PackageResources.markup_js, "text/javascript; charset=utf-8")
        add(router, "/playground/windows.js", PackageResources.windows_js, "text/javascript; charset=utf-8")
        add(router, "/playground/style.css", PackageResources.style_css, "text/css; charset=utf-8")
        add(router, "/playground/windows.css", PackageResources.windows_css, "text/css; charset=utf-8")
        add(router, "/playground/icon.svg", PackageResources.icon_svg, "image/svg+xml")
    }

    /// Scripts and styles from here alone, nothing inline, no frames, no forms to elsewhere.
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    private static func add(_ router: Router<some RequestContext>, _ path: String, _ bytes: [UInt8], _ type: String) {
        router.get(RouterPath(path)) { _, _ in
            JSONReply.bytes(
                bytes,
                type: type,
                headers: [
                    "Content-Security-Policy": policy,
                    "X-Content-Type-Options": "nosniff",
                    "Referrer-Policy": "no-referrer",
                    "Cross-Origin-Opener-Policy": "same-origin",
                    "Cache-Control": "no-cache",
                ]
            )
        }
    }
}
