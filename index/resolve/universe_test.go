package resolve_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/resolve"
	"github.com/opencontainers/go-digest"
)

// A world is a universe written as lines such as
//
//	acme/ant 2.1.0 needs acme/lib ^2, acme/c ^1 with acme/opt ^3 held yanked
type world map[artifact.Name][]resolve.Candidate

func (w world) Candidates(id artifact.Name) []resolve.Candidate { return w[id] }

func (w world) Absent(id artifact.Name) string { return fmt.Sprintf("there is no %s here", id) }

func worldOf(t testing.TB, lines string) world {
	t.Helper()
	w := world{}
	for line := range strings.Lines(lines) {
		line, held, _ := strings.Cut(strings.TrimSpace(line), " held ")
		if line == "" {
			continue
		}
		line, optional, _ := strings.Cut(line, " with ")
		head, needs, _ := strings.Cut(line, " needs ")
		id, version, _ := strings.Cut(head, " ")
		c := resolve.Candidate{ID: name(t, id), Held: held, Digest: digest.FromString(head), Reference: "registry.example/" + id}
		v, err := artifact.ParseVersion(version)
		if err != nil {
			t.Fatal(err)
		}
		c.Version = v
		c.Dependencies = append(dependencies(t, needs, false), dependencies(t, optional, true)...)
		w[c.ID] = append(w[c.ID], c)
	}
	return w
}

func dependencies(t testing.TB, list string, optional bool) []artifact.Dependency {
	var out []artifact.Dependency
	for one := range strings.SplitSeq(list, ", ") {
		if one == "" {
			continue
		}
		id, rng, _ := strings.Cut(one, " ")
		out = append(out, artifact.Dependency{ID: name(t, id), Range: rangeOf(t, rng), Optional: optional})
	}
	return out
}

func name(t testing.TB, s string) artifact.Name {
	t.Helper()
	id, err := artifact.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func rangeOf(t testing.TB, s string) artifact.Range {
	t.Helper()
	if s == "" {
		return artifact.Range{}
	}
	r, err := artifact.ParseRange(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// request reads "acme/ant ^2, acme/bee".
func request(t testing.TB, wants string) resolve.Request {
	t.Helper()
	r := resolve.Request{Locked: map[artifact.Name]digest.Digest{}}
	for one := range strings.SplitSeq(wants, ", ") {
		id, rng, _ := strings.Cut(one, " ")
		r.Wants = append(r.Wants, resolve.Want{ID: name(t, id), Range: rangeOf(t, rng)})
	}
	return r
}

func lock(t testing.TB, r *resolve.Request, locked string) {
	for head := range strings.SplitSeq(locked, ", ") {
		if id, _, ok := strings.Cut(head, " "); ok {
			r.Locked[name(t, id)] = digest.FromString(head)
		}
	}
}

// said is the answer as text: "acme/lib 1.0.0 (acme/ant), acme/ant 2.0.0 (request)".
func said(chosen []resolve.Chosen) string {
	var out []string
	for _, c := range chosen {
		var by []string
		if c.Requested {
			by = append(by, resolve.Requested)
		}
		for _, id := range c.RequestedBy {
			by = append(by, id.String())
		}
		out = append(out, fmt.Sprintf("%s %s (%s)", c.ID, c.Version, strings.Join(by, " ")))
	}
	return strings.Join(out, ", ")
}
