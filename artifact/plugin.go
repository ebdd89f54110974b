package artifact

import (
	"encoding/json"
	"time"

	"github.com/opencontainers/go-digest"
)

// A Plugin is the plugin manifest: what a publisher says about one version.
// Its JSON form is the config blob (TypeConfig) and the file plugin.json of a
// plugin directory; Schema describes it. The zero value is not a valid plugin:
// ParsePlugin and FromAnnotations give valid ones.
type Plugin struct {
	ID            Name                 `json:"id"`
	Version       Version              `json:"version"`
	Title         string               `json:"name,omitempty"`
	Description   string               `json:"description,omitempty"`
	Keywords      []string             `json:"keywords,omitempty"`
	Categories    []string             `json:"categories,omitempty"`
	License       string               `json:"license,omitempty"` // SPDX expression
	Vendor        string               `json:"vendor,omitempty"`
	Homepage      string               `json:"homepage,omitempty"`
	Repository    string               `json:"repository,omitempty"`
	Documentation string               `json:"documentation,omitempty"`
	Icon          string               `json:"icon,omitempty"`      // path inside the content, or URL
	Readme        string               `json:"readme,omitempty"`    // Markdown
	Changelog     string               `json:"changelog,omitempty"` // Markdown
	Created       *time.Time           `json:"created,omitempty"`
	Revision      string               `json:"revision,omitempty"` // commit that was built
	Engines       map[HostID]Range     `json:"engines,omitempty"`
	Platforms     []Platform           `json:"platforms,omitempty"`
	Entrypoint    string               `json:"entrypoint,omitempty"`
	Permissions   []Permission         `json:"permissions,omitempty"`
	Dependencies  []Dependency         `json:"dependencies,omitempty"`
	Contributes   map[string][]Contrib `json:"contributes,omitempty"`
	Migrations    []Migration          `json:"migrations,omitempty"`
	Tier          string               `json:"tier,omitempty"`
	Niches        []string             `json:"niches,omitempty"`
	Support       *Support             `json:"support,omitempty"`
	Pricing       string               `json:"pricing,omitempty"`
	Screenshots   []Screenshot         `json:"screenshots,omitempty"`
	Payloads      []Payload            `json:"payloads,omitempty"`
	ConfigSchema  json.RawMessage      `json:"config_schema,omitempty"` // JSON Schema of the plugin's settings
}

// A Permission is one power that the plugin asks the host for. In JSON it may
// be written as its name alone.
type Permission struct {
	Name     string `json:"name"`
	Reason   string `json:"reason,omitempty"`
	Optional bool   `json:"optional,omitempty"`
}

// UnmarshalJSON reads the object form or the name alone.
func (p *Permission) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*p = Permission{}
		return json.Unmarshal(b, &p.Name)
	}
	type plain Permission
	return json.Unmarshal(b, (*plain)(p))
}

// A Dependency is another plugin that must, or may, be there.
type Dependency struct {
	ID       Name  `json:"id"`
	Range    Range `json:"range"`
	Optional bool  `json:"optional,omitempty"`
}

// A Contrib is one thing that the plugin adds at an extension point of a host.
type Contrib struct {
	ID    string `json:"id"`
	Title string `json:"title,omitempty"`
}

// A Migration changes the plugin's data between two versions.
type Migration struct {
	From        Range  `json:"from"`
	Description string `json:"description"`
	Reversible  bool   `json:"reversible,omitempty"`
}

// Support says what help a user may expect.
type Support struct {
	Policy string `json:"policy,omitempty"`
	Email  string `json:"email,omitempty"`
	URL    string `json:"url,omitempty"`
}

// A Screenshot is a picture by path inside the content, or by URL.
type Screenshot struct {
	Path string `json:"path,omitempty"`
	URL  string `json:"url,omitempty"`
	Alt  string `json:"alt"`
}

// A Payload is a file hosted elsewhere. Whoever fetches it checks Digest before use.
type Payload struct {
	URL      string        `json:"url"`
	Digest   digest.Digest `json:"digest"`
	Size     int64         `json:"size,omitempty"` // bytes; 0 is not known
	Path     string        `json:"path,omitempty"` // where it goes below the plugin's directory
	Platform Platform      `json:"platform,omitzero"`
}

// FitsHost reports whether the plugin says that it runs on the given host.
// A zero version asks only whether the host is named at all.
func (p *Plugin) FitsHost(id HostID, v HostVersion) bool {
	r, ok := p.Engines[id]
	return ok && (v.IsZero() || r.ContainsHost(v))
}
