package api

// HostParams narrow an answer to what one host can run.
type HostParams struct {
	Host        string `query:"host" doc:"Id of the asking host. Empty asks nothing of engines." example:"acme-editor"`
	HostVersion string `query:"host_version" doc:"SemVer of the host; a leading v and missing parts are forgiven." example:"2.1.0"`
	Platform    string `query:"platform" doc:"os/arch[/variant] of the asking machine." example:"linux/amd64"`
	Channel     string `query:"channel" doc:"Only the version that this channel points to." example:"stable"`
	Prerelease  bool   `query:"prerelease" doc:"Take prereleases too."`
	MinimumAge  string `query:"minimum_age" doc:"Only versions that have been public for so long, by the publication log: hours or days. The site may ask for more." example:"72h"`
	GenerationParam
}

// GenerationParam pins an answer to one generation.
type GenerationParam struct {
	Generation int64 `query:"generation" minimum:"0" doc:"Answer from this generation, or 410 when it is no longer kept. 0 is the newest."`
}

// NameParams name a plugin in a path.
type NameParams struct {
	Publisher string `path:"publisher" doc:"First part of the plugin's id." example:"acme"`
	Name      string `path:"name" doc:"Second part of the plugin's id." example:"hello"`
}

// ListParams ask for a list of plugins. Filters that take several values take
// them repeated or as a comma list, in whatever case; a plugin needs one of them.
type ListParams struct {
	HostParams
	Q         string `query:"q" doc:"Words to search for in name, keywords and description; typos are forgiven."`
	Category  string `query:"category" doc:"One or more categories."`
	Publisher string `query:"publisher" doc:"One or more publishers."`
	License   string `query:"license" doc:"One or more SPDX expressions; MIT finds MIT OR Apache-2.0 too."`
	Niche     string `query:"niche" doc:"One or more niches."`
	Tier      string `query:"tier" doc:"One or more tiers."`
	State     string `query:"state" doc:"One or more of active, deprecated, suspended, removed, emergency-removed, deleted. Of a deleted plugin there is the name and what was said."`
	Verified  string `query:"verified" doc:"true or false: whether the signature is by a trusted signer; true is signature=verified."`
	Signature string `query:"signature" doc:"One or more of verified, unverified, unsigned, invalid." example:"verified"`
	// PublisherVerified is what the publisher's ledger says, which is not who signed.
	PublisherVerified string `query:"publisher_verified" doc:"true or false: whether the publisher's ledger says that it is verified."`
	Source            string `query:"source" doc:"One or more sources."`
	Has               string `query:"has" doc:"One or more of sbom, provenance, test-result, vulnerabilities, review, or predicate types: verified attestations." example:"sbom"`
	Builder           string `query:"builder" doc:"One or more builders: who built it, by a verified provenance."`
	Sort              string `query:"sort" doc:"relevance, updated (what was published here last first) or name. downloads and rating are 400 sort_unavailable where nothing counts them."`
	Limit             int    `query:"limit" minimum:"1" doc:"Plugins per page: 50 by default, never more than 500 whatever is asked."`
	Cursor            string `query:"cursor" doc:"next_cursor of the page before; it holds on to that page's generation."`
	Facets            string `query:"facets" doc:"Facets to count, repeated or as a comma list."`
}
