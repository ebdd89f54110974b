package artifact

import (
	"net/url"
	"path"
)

// Target is where l goes below the plugin's directory: its path, or the last
// element of its URL's path where it names none.
func (l Payload) Target() string {
	if l.Path != "" {
		return l.Path
	}
	u, err := url.Parse(l.URL)
	if err != nil {
		return ""
	}
	return path.Base(u.Path)
}

// PayloadsFor are the payloads that a machine of platform on fetches, in the
// order of the manifest: those it runs, and of several with one target only the
// best fitting. The zero Platform, which leaves the machine open, has them all;
// so has a target that is named twice for one platform, which is an error of
// the manifest that unpacking tells.
func (p *Plugin) PayloadsFor(on Platform) []Payload {
	best := map[string]Platform{}
	for _, l := range p.Payloads {
		if have, taken := best[l.Target()]; on.Runs(l.Platform) && (!taken || on.Better(l.Platform, have) > 0) {
			best[l.Target()] = l.Platform
		}
	}
	var out []Payload
	for _, l := range p.Payloads {
		if on.Runs(l.Platform) && (on.IsZero() || best[l.Target()] == l.Platform) {
			out = append(out, l)
		}
	}
	return out
}
