package lint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/github/go-spdx/v2/spdxexp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/configschema"
	"github.com/oarlock/oarlock/artifact/pack"
)

// Version gives every problem of a plugin version before it is published as
// tag of repository: what would make it one that nobody can use, and use up
// its version number. The registry refuses what has one; lint says the same of
// a plugin directory, by the same code.
func Version(c *artifact.Content, repository string, tag artifact.Tag) []artifact.Problem {
	out := c.Plugin.Misplaced(repository, tag)
	out = append(out, published(c.Plugin)...)
	for i, m := range c.Images {
		for _, p := range manifest(m) {
			out = append(out, within(c, i, p))
		}
		for _, p := range pack.CheckLayers(m) {
			out = append(out, within(c, i, p))
		}
	}
	if c.Manifest.IsIndex() {
		out = append(out, manifest(c.Manifest)...)
	}
	return out
}

// within says in which child of an image index a problem is.
func within(c *artifact.Content, i int, p artifact.Problem) artifact.Problem {
	if c.Manifest.IsIndex() {
		p.Place = fmt.Sprintf("manifests[%d] %s", i, p.Place)
	}
	return p
}

// published are the problems of what the plugin manifest says.
func published(p *artifact.Plugin) []artifact.Problem {
	out := p.Publishable()
	if problem := license(p.License); problem != nil {
		out = append(out, *problem)
	}
	return append(out, configSchema(p.ConfigSchema)...)
}

// configSchema are the problems of the schema of a plugin's configuration.
func configSchema(raw []byte) []artifact.Problem {
	if len(raw) == 0 {
		return nil
	}
	_, err := configschema.Parse(raw)
	if several, is := errors.AsType[*artifact.ProblemsError](err); is {
		out := slices.Clone(several.Problems)
		for i := range out {
			out[i].Place = "/config_schema" + out[i].Place
		}
		return out
	}
	return nil
}

// license says that a licence is not an SPDX expression.
func license(s string) *artifact.Problem {
	if s == "" {
		return nil
	}
	if ok, _ := spdxexp.ValidateLicenses([]string{s}); ok {
		return nil
	}
	return &artifact.Problem{Place: "/license", Detail: fmt.Sprintf("%.200q is not an SPDX licence expression", s),
		Fix: "use an id of spdx.org/licenses, or LicenseRef-<name> for your own"}
}

// manifest are the problems of the annotations of a manifest or image index.
func manifest(m *artifact.Manifest) []artifact.Problem {
	out := append(artifact.UnknownKeys(m.Annotations), artifact.PrintableAnnotations(m.Annotations)...)
	slices.SortStableFunc(out, func(a, b artifact.Problem) int { return strings.Compare(a.Place, b.Place) })
	return out
}
