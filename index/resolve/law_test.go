package resolve_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/resolve"
	"pgregory.net/rapid"
)

var ranges = []string{"*", "^1", "^2", ">=2", "<2", "=1.1.0", ">=1.1 <3", "=3.0.0", "^2.0.0-0", "!=1.1.0"}

// drawWorld draws a small universe with cycles, gaps, prereleases and yanks.
func drawWorld(t *rapid.T) (string, string) {
	plugins := rapid.IntRange(1, 5).Draw(t, "plugins")
	var lines []string
	for p := range plugins {
		for _, version := range []string{"3.0.0", "2.0.0", "2.0.0-rc.1", "1.1.0", "1.0.0"} {
			if !rapid.Bool().Draw(t, "there") {
				continue
			}
			line := fmt.Sprintf("acme/p%d %s", p, version)
			for _, kind := range []string{" needs ", " with "} {
				var deps []string
				for range rapid.IntRange(0, 2).Draw(t, "count") {
					deps = append(deps, fmt.Sprintf("acme/p%d %s", rapid.IntRange(0, plugins).Draw(t, "on"), rapid.SampledFrom(ranges).Draw(t, "range")))
				}
				if len(deps) > 0 {
					line += kind + strings.Join(deps, ", ")
				}
			}
			if rapid.IntRange(0, 9).Draw(t, "held") == 0 {
				line += " held yanked"
			}
			lines = append(lines, line)
		}
	}
	var wants []string
	for range rapid.IntRange(1, 3).Draw(t, "wants") {
		wants = append(wants, fmt.Sprintf("acme/p%d %s", rapid.IntRange(0, plugins-1).Draw(t, "want"), rapid.SampledFrom(ranges).Draw(t, "wanted")))
	}
	return strings.Join(lines, "\n"), strings.Join(wants, ", ")
}

func TestResolveAgreesWithTryingEverything_D2(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		lines, wants := drawWorld(rt)
		w, r := worldOf(t, lines), request(t, wants)
		r.Prerelease = rapid.Bool().Draw(rt, "prerelease")
		if rapid.Bool().Draw(rt, "lock") {
			lock(t, &r, "acme/p0 1.0.0, acme/p1 1.1.0, acme/p2 2.0.0-rc.1")
		}
		got, err := resolve.Resolve(t.Context(), w, r)
		var no *resolve.Unsatisfiable
		if err != nil && !errors.As(err, &no) {
			rt.Fatal(err)
		}
		possible := exists(w, r)
		if possible != (err == nil) {
			rt.Fatalf("wants %s of\n%s\ntrying everything finds a solution: %v, the solver says %s, %v", wants, lines, possible, said(got), err)
		}
		if err != nil {
			if no.Explanation == "" {
				rt.Fatalf("wants %s of\n%s\nno explanation", wants, lines)
			}
			return
		}
		if wrong := broken(w, r, got); wrong != "" {
			rt.Fatalf("wants %s of\n%s\ngot %s: %s", wants, lines, said(got), wrong)
		}
		again, err := resolve.Resolve(t.Context(), w, r)
		if err != nil || said(again) != said(got) {
			rt.Fatalf("first %s, then %s, %v", said(got), said(again), err)
		}
	})
}

// exists tries every combination of one version or none per plugin.
func exists(w world, r resolve.Request) bool {
	var ids []artifact.Name
	for id := range w {
		ids = append(ids, id)
	}
	var try func(n int, chosen map[artifact.Name]resolve.Candidate) bool
	try = func(n int, chosen map[artifact.Name]resolve.Candidate) bool {
		if n == len(ids) {
			return holds(r, chosen) == ""
		}
		if try(n+1, chosen) {
			return true
		}
		for _, c := range w[ids[n]] {
			chosen[ids[n]] = c
			if try(n+1, chosen) {
				return true
			}
		}
		delete(chosen, ids[n])
		return false
	}
	return try(0, map[artifact.Name]resolve.Candidate{})
}

// holds says which rule the choice breaks.
func holds(r resolve.Request, chosen map[artifact.Name]resolve.Candidate) string {
	in := func(rng artifact.Range, c resolve.Candidate) bool {
		if rng.IsZero() {
			return r.Prerelease || !c.Version.IsPrerelease()
		}
		return rng.Contains(c.Version, r.Prerelease)
	}
	for _, w := range r.Wants {
		if c, ok := chosen[w.ID]; !ok || !in(w.Range, c) {
			return fmt.Sprintf("the want %s %s", w.ID, w.Range)
		}
	}
	for id, c := range chosen {
		if c.Held != "" && r.Locked[id] != c.Digest {
			return fmt.Sprintf("%s %s is %s", id, c.Version, c.Held)
		}
		for _, d := range c.Dependencies {
			o, ok := chosen[d.ID]
			if (!ok && !d.Optional) || (ok && !in(d.Range, o)) {
				return fmt.Sprintf("%s %s needs %s %s", id, c.Version, d.ID, d.Range)
			}
		}
	}
	return ""
}

// broken says what is wrong with an answer.
func broken(w world, r resolve.Request, got []resolve.Chosen) string {
	chosen := map[artifact.Name]resolve.Candidate{}
	for _, c := range got {
		if _, twice := chosen[c.ID]; twice {
			return c.ID.String() + " is there twice"
		}
		if !c.Requested && len(c.RequestedBy) == 0 {
			return c.ID.String() + " is there for nobody"
		}
		chosen[c.ID] = c.Candidate
	}
	return holds(r, chosen)
}
