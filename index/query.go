package index

import (
	"net/url"
	"strconv"
	"strings"
)

// A Query asks for a list of plugins, in the words of the HTTP API. Empty
// fields do not filter. Nothing in it is checked: the server does that and
// says what is wrong.
type Query struct {
	Host        string // host id
	HostVersion string // SemVer, forgiving
	Platform    string // os/arch[/variant]
	Channel     string // only versions in this channel
	Prerelease  bool   // take prereleases too
	MinimumAge  string // only what has been public for so long: 72h, 7d
	Text        string // q: words to search for
	Category    string //
	Publisher   string //
	License     string // SPDX expression
	Niche       string //
	Tier        string //
	State       string // PluginState
	Verified    string // whether the signature is by a trusted signer: "true", "false" or "" for both
	Signature   string // SignatureStatus, one or more
	// PublisherVerified is "true", "false" or "" for both: what the publisher's ledger says.
	PublisherVerified string
	Source            string   // name of a source
	Has               string   // kind or predicate type of a verified attestation
	Builder           string   // who built it, by a verified provenance
	Sort              string   // relevance, updated (published there last first), name; downloads and rating once they are counted
	Limit             int      // plugins per page; 0 is the server's default
	Cursor            string   // NextCursor of the page before
	Facets            []string // facets to count
	Generation        int64    // answer from this generation; 0 is the newest
}

// Values are the query parameters of q; what is empty is left out.
func (q Query) Values() url.Values {
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	set("host", q.Host)
	set("host_version", q.HostVersion)
	set("platform", q.Platform)
	set("channel", q.Channel)
	if q.Prerelease {
		v.Set("prerelease", "true")
	}
	set("minimum_age", q.MinimumAge)
	set("q", q.Text)
	set("category", q.Category)
	set("publisher", q.Publisher)
	set("license", q.License)
	set("niche", q.Niche)
	set("tier", q.Tier)
	set("state", q.State)
	set("verified", q.Verified)
	set("signature", q.Signature)
	set("publisher_verified", q.PublisherVerified)
	set("source", q.Source)
	set("has", q.Has)
	set("builder", q.Builder)
	set("sort", q.Sort)
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	set("cursor", q.Cursor)
	set("facets", strings.Join(q.Facets, ","))
	if q.Generation != 0 {
		v.Set("generation", strconv.FormatInt(q.Generation, 10))
	}
	return v
}

// HostFilters is q with only the filters that single versions answer to: the
// asking host, platform, channel, prereleases, minimum age and the generation.
func (q Query) HostFilters() Query {
	return Query{Host: q.Host, HostVersion: q.HostVersion, Platform: q.Platform,
		Channel: q.Channel, Prerelease: q.Prerelease, MinimumAge: q.MinimumAge, Generation: q.Generation}
}
