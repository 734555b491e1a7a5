/// What a demo begins with, as it lies in `db/seed`, embedded in the binary.
package enum Seeds {
    /// Bob's Electronics: instructions and knowledge entries, as JSON.
    package static var bobsElectronics: [UInt8] { PackageResources.bobs_electronics_json }
}
