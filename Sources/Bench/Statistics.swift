/// Figures of several rounds or many requests.
struct Statistics: Sendable {
    private let sorted: [Double]

    init(_ values: [Double]) { sorted = values.sorted() }

    var count: Int { sorted.count }
    var median: Double { quantile(0.5) }
    var least: Double { sorted.first ?? 0 }
    var most: Double { sorted.last ?? 0 }

    /// The smallest value that at least that share is not above.
    func quantile(_ share: Double) -> Double {
        guard !sorted.isEmpty else { return 0 }
        let index = Int((share * Double(sorted.count)).rounded(.up)) - 1
        return sorted[min(max(index, 0), sorted.count - 1)]
    }
}

extension Double {
    /// With that many decimals and thousands in groups: `31,204`, `0.72`.
    func text(_ decimals: Int = 0) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (magnitude * scale).rounded()
        guard scaled < 1e15 else { return "\(self)" }
        let whole = Int(scaled)
        let unit = Int(scale)
        var digits = String(whole / unit)
        var grouped = ""
        while digits.count > 3 {
            grouped = "," + digits.suffix(3) + grouped
            digits.removeLast(3)
        }
        let fraction = String(whole % unit)
        let rest = decimals == 0 ? "" : "." + String(repeating: "0", count: decimals - fraction.count) + fraction
        return (self < 0 && whole > 0 ? "-" : "") + digits + grouped + rest
    }
}
