package main

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
)

// kubectlRange is what every entry gets as engines: plugins are what kubectl
// runs since 1.12, and the index knows nothing closer.
const kubectlRange = ">=1.12.0"

// convert turns an entry into a plugin manifest. What the manifest cannot hold
// is dropped and noted; only what makes the version unusable is an error.
func convert(publisher string, e *entry) (*artifact.Plugin, []string, error) {
	if e.broken != nil {
		return nil, nil, e.broken
	}
	id, err := artifact.ParseName(publisher + "/" + e.ID)
	if err != nil {
		return nil, nil, err
	}
	version, err := artifact.ParseVersion(strings.TrimPrefix(e.Version, "v"))
	if err != nil {
		return nil, nil, err
	}
	kubectl, err := artifact.ParseHostID("kubectl")
	if err != nil {
		return nil, nil, err
	}
	engines, err := artifact.ParseRange(kubectlRange)
	if err != nil {
		return nil, nil, err
	}
	p := &artifact.Plugin{
		ID: id, Version: version, Title: e.ID, Vendor: "krew-index",
		Description: strings.TrimSpace(e.ShortDescription), Readme: strings.TrimSpace(e.Description),
		Categories: []string{"kubectl"}, Homepage: e.Homepage,
		Engines: map[artifact.HostID]artifact.Range{kubectl: engines},
	}
	notes, err := payloads(p, e)
	if err != nil {
		return nil, nil, err
	}
	notes = append(notes, optional(p, e)...)
	if problems := p.Check(); len(problems) > 0 {
		return nil, nil, &artifact.ProblemsError{Problems: problems}
	}
	return p, notes, nil
}

// payloads makes one payload per platform. As in krew, the first selector that
// takes a platform wins.
func payloads(p *artifact.Plugin, e *entry) ([]string, error) {
	var notes []string
	seen := map[artifact.Platform]bool{}
	for i, from := range e.Platforms {
		d := digest.NewDigestFromEncoded(digest.SHA256, strings.ToLower(from.SHA256))
		if err := d.Validate(); err != nil {
			return nil, fmt.Errorf("platforms[%d]: sha256 %.80q: %w", i, from.SHA256, err)
		}
		platforms, err := from.Selector.platforms()
		if err != nil {
			return nil, fmt.Errorf("platforms[%d]: %w", i, err)
		}
		if len(platforms) == 0 {
			notes = append(notes, fmt.Sprintf("platforms[%d] selects no known platform: dropped", i))
		}
		for _, platform := range platforms {
			if seen[platform] {
				continue
			}
			seen[platform] = true
			p.Platforms = append(p.Platforms, platform)
			p.Payloads = append(p.Payloads, artifact.Payload{URL: from.URI, Digest: d, Path: fileName(from.URI), Platform: platform})
		}
	}
	if len(p.Payloads) == 0 {
		return nil, fmt.Errorf("there is nothing to download for any of %s", strings.Join(universe, ", "))
	}
	return notes, nil
}

// fileName is the last part of a URL's path, where it can be one.
func fileName(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	if name := path.Base(u.Path); name != "." && name != "/" && artifact.SafePath(name) {
		return name
	}
	return ""
}

// optional sets or drops what the version can do without.
func optional(p *artifact.Plugin, e *entry) []string {
	var notes []string
	drop := func(field, value string) { notes = append(notes, fmt.Sprintf("%s %.80q: dropped", field, value)) }
	if t, err := time.Parse(time.RFC3339, e.Released); err == nil {
		t = t.UTC()
		p.Created = &t
	} else if e.Released != "" {
		drop("released", e.Released)
	}
	if u, err := url.Parse(p.Homepage); p.Homepage != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
		drop("homepage", p.Homepage)
		p.Homepage = ""
	}
	if len(p.Description) > artifact.MaxDescription {
		drop("shortDescription", p.Description)
		p.Description = ""
	}
	if len(p.Readme) > artifact.MaxText {
		drop("description", p.Readme)
		p.Readme = ""
	}
	return notes
}
