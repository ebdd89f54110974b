package cli

import (
	"strings"

	"oras.land/oras-go/v2/registry"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/quirk"
)

// A spelling is what somebody typed, taken apart without regard to which of the
// two grammars it follows:
//
//	reference = registry "/" { folder "/" } publisher "/" plugin ( ":" version | "@" digest )
//	plugin    = publisher "/" plugin [ "@" ( version | range ) ]
type spelling struct {
	registry string // with its folders; "" for none
	id       artifact.Name
	text     string // after ":" or "@"
	at       bool   // it was "@"
}

// spell takes s apart; ok is false where it names no plugin in either grammar.
func spell(s string) (t spelling, ok bool) {
	if _, rest, found := strings.Cut(s, "://"); found {
		s = rest
	}
	if i := strings.IndexByte(s, '@'); i >= 0 {
		s, t.text, t.at = s[:i], s[i+1:], true
		if colon := strings.LastIndexByte(s, ':'); colon > strings.LastIndexByte(s, '/') && strings.HasPrefix(t.text, "sha256:") {
			s = s[:colon] // a tag before a digest: the digest counts
		}
	} else if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, '/') {
		s, t.text = s[:i], s[i+1:]
	}
	parts := strings.Split(s, "/")
	if len(parts) < 2 {
		return t, false
	}
	last := len(parts) - 2
	t.registry = strings.Join(parts[:last], "/")
	id, err := artifact.ParseName(parts[last] + "/" + parts[last+1])
	t.id = id
	return t, err == nil
}

// asPlugin writes t for the catalog.
func (t spelling) asPlugin() string {
	if v, err := artifact.ParseTag(t.text); err == nil && v.Kind() == artifact.TagVersion {
		return t.id.String() + "@" + v.Version().String()
	}
	if _, err := artifact.ParseRange(t.text); t.text != "" && err == nil {
		return t.id.String() + "@" + t.text
	}
	return t.id.String()
}

// asReference writes t for a registry, that of server where t names none.
func (t spelling) asReference(server string) string {
	at := t.registry
	if at == "" {
		at = server
	}
	at += "/" + t.id.String()
	if v, err := artifact.ParseVersion(t.text); err == nil {
		return at + ":" + v.Tag()
	}
	if _, err := artifact.ParseTag(t.text); err == nil && !t.at {
		return at + ":" + t.text
	}
	if strings.HasPrefix(t.text, "sha256:") {
		return at + "@" + t.text
	}
	return at + ":VERSION"
}

// hasHost reports whether the first part of s can only be a host: what has
// neither a dot nor a port is the publisher of a plugin as well.
func hasHost(s string) bool {
	first, rest, _ := strings.Cut(s, "/")
	return strings.ContainsAny(first, ".:") || first == "localhost" || strings.Contains(rest, "/")
}

// reference refuses what is not the reference of a registry, and says how what
// came is written as one.
func (c *console) reference(s string) error {
	_, err := registry.ParseReference(quirk.Reference(s))
	if err == nil && hasHost(s) {
		c.asked = registryOf(s)
		return nil
	}
	t, ok := spell(s)
	if !ok {
		if err == nil {
			return nil // a repository outside the grammar of plugins: its registry will tell
		}
		return usagef("reference %q: expected REGISTRY/PUBLISHER/PLUGIN:VERSION or @sha256:…", s)
	}
	what := "a registry takes REGISTRY/PUBLISHER/PLUGIN:VERSION or @sha256:…"
	switch _, range_ := artifact.ParseRange(t.text); {
	case strings.Contains(s, "://"):
		what = "a reference begins with the registry's host, without \"://\""
	case t.registry == "":
		what = "no registry is named, as the catalog's verbs take it, and " + what
	case t.at:
		what = `"@" stands before a digest, ":" before a version`
	case range_ == nil:
		what = "a registry knows exact versions and no ranges"
	}
	return usagef("reference %q: %s: say %s", s, what, t.asReference(hostOf(c.serverURL())))
}

// place refuses what names one plugin where a registry, or a folder of one, is
// expected.
func place(verb, s string) error {
	host, rest, _ := strings.Cut(s, "/")
	if !strings.ContainsAny(rest, "@:") && !strings.Contains(s, "@") {
		return nil
	}
	t, ok := spell(s)
	if !ok {
		return nil
	}
	say := `--repository ` + t.id.String()
	if v, err := artifact.ParseTag(t.text); err == nil && v.Kind() == artifact.TagVersion {
		say += ` --versions '=` + v.Version().String() + `'`
	}
	if t.registry != "" {
		say = host + " and " + say
	}
	return usagef("%s %q: this is one plugin, and a registry such as plugins.example.org is expected: say %s", verb, s, say)
}
