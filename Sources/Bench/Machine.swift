#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the kernel tells of processes and of the machine (Linux, proc(5)).
enum Machine {
    /// User and system time of a process with all its threads, in seconds.
    static func cpuSeconds(of pid: Int32) -> Double {
        // The name may hold spaces; after its closing parenthesis comes field 3, so that 14 and 15 are 11 and 12.
        guard let text = read("/proc/\(pid)/stat"), let name = text.lastIndex(of: ")") else { return 0 }
        let fields = text[name...].dropFirst(2).split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// The memory of a process that is in RAM, in bytes.
    static func residentBytes(of pid: Int32) -> Int {
        for line in (read("/proc/\(pid)/status") ?? "").split(separator: "\n") where line.hasPrefix("VmRSS:") {
            return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }.map {
                $0 * 1024
            } ?? 0
        }
        return 0
    }

    /// Seconds of all cores since the start of the machine: worked, and stolen by the hypervisor.
    static func cpuSeconds() -> (busy: Double, stolen: Double) {
        let fields = (read("/proc/stat") ?? "").split(separator: "\n").first?.split(separator: " ").dropFirst() ?? []
        let ticks = fields.compactMap { Double($0) }
        guard ticks.count >= 8 else { return (0, 0) }
        let second = Double(sysconf(Int32(_SC_CLK_TCK)))
        // user, nice, system, idle, iowait, irq, softirq, steal
        return ((ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / second, ticks[7] / second)
    }

    static var ownPID: Int32 { getpid() }

    static var cores: Int { Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    static var load: String { (read("/proc/loadavg") ?? "").split(separator: " ").first.map(String.init) ?? "unknown" }

    static var model: String {
        let lines = (read("/proc/cpuinfo") ?? "").split(separator: "\n")
        let line = lines.first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.drop { $0 == " " } }.map(String.init) ?? "unknown processor"
    }

    static func read(_ path: String) -> String? {
        let file = open(path, O_RDONLY)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = piece.withUnsafeMutableBytes { systemRead(file, $0.baseAddress, $0.count) }
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text.append(contentsOf: piece.prefix(count))
        }
    }
}

private func systemRead(_ file: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(file, bytes, count)
}
