// Package artifact says what a plugin is while it travels: its name, version,
// platforms and host ranges, the plugin manifest, the annotation keys and
// media types that carry it, the grammar of its tags, and the kinds of error
// that the whole project speaks.
//
// Everything here is a fact sealed by a digest. Values that are parsed keep
// their fields unexported, so an invalid one cannot exist. The package knows
// nobody: it imports the standard library, the OCI types and SemVer only, so
// that a host application may import it and inherit nothing else.
//
// The grammars:
//
//	name     = segment "/" segment                       ; "<publisher>/<plugin>"
//	segment  = lower { lower | digit | "-" }             ; 2–64 bytes, no "--", no trailing "-"
//	version  = SemVer 2.0.0, no leading "v"
//	tag      = version-tag | channel | digest-tag | "oarlock-state"
//	version-tag = version with "+" written "_"           ; at most 128 bytes
//	channel  = lower { lower | digit | "-" }             ; 1–32 bytes
//	digest-tag  = "sha256-" 64 hex [ ".sig" | ".att" | ".sbom" ] | "sha512-" 64 hex
//	platform = os "/" arch [ "/" variant ]
//	host     = alnum { alnum } { ("-" | "." | "_") alnum { alnum } }   ; 1–64 bytes
//
// Source: OCI image-spec 1.1, OCI distribution-spec 1.1, SemVer 2.0.0.
package artifact
