package resolve_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/resolve"
	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"
)

// A hall is a catalog written as lines such as
//
//	acme/ant 2.1.0 needs acme/lib ^2 for ^2 on linux/amd64 in beta
type hall map[artifact.Name]catalog.Plugin

func hallOf(t testing.TB, lines string) hall {
	t.Helper()
	editor, err := artifact.ParseHostID("acme-editor")
	if err != nil {
		t.Fatal(err)
	}
	h := hall{}
	for line := range strings.Lines(lines) {
		line, channel, _ := strings.Cut(strings.TrimSpace(line), " in ")
		line, on, _ := strings.Cut(line, " on ")
		line, host, _ := strings.Cut(line, " for ")
		for _, all := range worldOf(t, line) {
			c := all[0]
			p := h[c.ID]
			p.ID = c.ID
			v := catalog.Version{Version: c.Version, Digest: c.Digest,
				Plugin: &artifact.Plugin{ID: c.ID, Version: c.Version, Dependencies: c.Dependencies}}
			if host != "" {
				v.Plugin.Engines = map[artifact.HostID]artifact.Range{editor: rangeOf(t, host)}
			}
			if on != "" {
				platform, err := artifact.ParsePlatform(on)
				if err != nil {
					t.Fatal(err)
				}
				v.Builds = []artifact.Build{{Platform: platform, Digest: digest.FromString("build " + line)}}
			}
			if channel != "" {
				if p.Channels == nil {
					p.Channels = map[string]digest.Digest{}
				}
				p.Channels[channel] = c.Digest
			}
			p.Versions = append(p.Versions, v)
			h[c.ID] = p
		}
	}
	return h
}

// ask resolves as the API does: from the wire form on.
func (h hall) ask(ctx context.Context, r index.ResolveRequest) ([]resolve.Chosen, error) {
	var fit catalog.Fit
	var err error
	if r.Host.ID != "" {
		if fit.Host, err = artifact.ParseHostID(r.Host.ID); err != nil {
			return nil, err
		}
		if fit.HostVersion, err = artifact.ParseHostVersion(r.Host.Version); err != nil {
			return nil, err
		}
	}
	if r.Platform != "" {
		if fit.Platform, err = artifact.ParsePlatform(r.Platform); err != nil {
			return nil, err
		}
	}
	fit.Channel = r.Channel
	request, err := resolve.ParseRequest(r)
	if err != nil {
		return nil, err
	}
	var all []catalog.Plugin
	for _, p := range h {
		all = append(all, p)
	}
	return resolve.Resolve(ctx, resolve.Over(catalog.Empty().With(all, nil), fit, request.Names()...), request)
}

// follow does what hints say, to the request and to what is there.
func (h hall) follow(t testing.TB, r index.ResolveRequest, hints []index.Hint) (hall, index.ResolveRequest) {
	t.Helper()
	var more []string
	wants := append([]index.Want{}, r.Plugins...)
	for _, one := range hints {
		was := ""
		switch one.Change {
		case index.HintRange:
			found := false
			for n, w := range r.Plugins {
				if w.ID == one.Plugin && w.Range == one.From {
					wants[n].Range, found = one.To, true
				}
			}
			if !found {
				t.Fatalf("%+v is about no range of the request", one)
			}
			continue
		case index.HintHost:
			was, r.Host.Version = r.Host.Version, one.To
		case index.HintPlatform:
			was, r.Platform = r.Platform, one.To
		case index.HintChannel:
			was, r.Channel = r.Channel, one.To
		case index.HintPrerelease:
			was, r.Prerelease = fmt.Sprint(r.Prerelease), true
		case index.HintMissing:
			more = append(more, one.Plugin+" "+one.To)
		default:
			t.Fatalf("%+v changes nothing known", one)
		}
		if v, err := artifact.ParseHostVersion(was); one.Change == index.HintHost && err == nil {
			was = v.String()
		}
		if was != one.From {
			t.Fatalf("%+v: it was %q", one, was)
		}
	}
	r.Plugins = wants
	next := hall{}
	for id, p := range h {
		next[id] = p
	}
	for _, line := range more { // published by somebody, for whoever asks
		if r.Host.ID != "" {
			line += " for *"
		}
		for id, p := range hallOf(t, line) {
			d := p.Versions[0].Digest
			for _, v := range next[id].Versions {
				if v.Version.Compare(p.Versions[0].Version) != 0 {
					p.Versions = append(p.Versions, v)
				}
			}
			p.Channels = maps.Clone(next[id].Channels)
			if r.Channel != "" {
				if p.Channels == nil {
					p.Channels = map[string]digest.Digest{}
				}
				p.Channels[r.Channel] = d
			}
			next[id] = p
		}
	}
	return next, r
}

func TestHintsNameTheSmallestChange(t *testing.T) {
	t.Parallel()
	for title, row := range map[string]struct {
		lines, host, platform, channel, wants string
		want                                  string
	}{
		"another range": {lines: "acme/tool 2.1.0\nacme/tool 2.0.0", wants: "acme/tool ^3",
			want: "acme/tool range ^3 → ^2"},
		"the range of one of two": {lines: "acme/ant 2.0.0 needs acme/lib ^2\nacme/ant 1.0.0 needs acme/lib ^1\nacme/bee 1.0.0 needs acme/lib ^1\nacme/lib 2.0.0\nacme/lib 1.0.0",
			wants: "acme/ant ^2, acme/bee", want: "acme/ant range ^2 → ^1"},
		"prereleases": {lines: "acme/tool 1.0.0-rc.1", wants: "acme/tool", want: "acme/tool prerelease false → true"},
		"the nearest version of the host": {lines: "acme/tool 2.0.0 for ^9\nacme/tool 1.0.0 for ^3", host: "2.1", wants: "acme/tool",
			want: "acme/tool host 2.1.0 → 3.0.0"},
		"another platform": {lines: "acme/tool 1.0.0 on linux/arm64", platform: "linux/amd64", wants: "acme/tool",
			want: "acme/tool platform linux/amd64 → linux/arm64"},
		"without the channel": {lines: "acme/tool 1.0.0", channel: "beta", wants: "acme/tool", want: "acme/tool channel beta → "},
		"a plugin that is missing": {lines: "acme/tool 1.0.0 needs acme/lib ^2.3", wants: "acme/tool",
			want: "acme/lib missing  → 2.3.0"},
		"two that block by themselves": {lines: "acme/ant 1.0.0\nacme/bee 1.0.0", wants: "acme/ant ^2, acme/bee ^3",
			want: "acme/ant range ^2 → ^1, acme/bee range ^3 → ^1"},
		"host and platform": {lines: "acme/tool 1.0.0 for ^3 on linux/arm64", host: "2.0.0", platform: "linux/amd64", wants: "acme/tool",
			want: "acme/tool host 2.0.0 → 3.0.0, acme/tool platform linux/amd64 → linux/arm64"},
		"many that block": {lines: "acme/ant 1.0.0\nacme/bee 1.0.0\nacme/cat 1.0.0\nacme/dog 1.0.0\nacme/elk 1.0.0", wants: "acme/ant ^2, acme/bee ^2, acme/cat ^2, acme/dog ^2, acme/elk ^2",
			want: "acme/ant range ^2 → ^1, acme/bee range ^2 → ^1, acme/cat range ^2 → ^1, acme/dog range ^2 → ^1, acme/elk range ^2 → ^1"},
		"nothing is known that would help": {lines: "acme/tool 1.0.0 needs acme/off", wants: "acme/tool", want: ""},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			h, r := hallOf(t, row.lines), wire(row.wants)
			h[name(t, "acme/off")] = catalog.Plugin{ID: name(t, "acme/off"), State: index.StateSuspended}
			r.Platform, r.Channel = row.platform, row.channel
			if row.host != "" {
				r.Host = index.HostQuery{ID: "acme-editor", Version: row.host}
			}
			_, err := h.ask(t.Context(), r)
			var no *resolve.Unsatisfiable
			if !errors.As(err, &no) {
				t.Fatalf("got %v", err)
			}
			if got := hinted(no.Hints); got != row.want {
				t.Errorf("got %s, expected %s", got, row.want)
			}
			for _, one := range no.Problem().Hints {
				if !strings.Contains(one.Detail, one.Plugin) {
					t.Errorf("detail %q", one.Detail)
				}
			}
			if said := strings.Contains(no.Problem().Detail, "no change of the request is known"); said != (row.want == "") {
				t.Errorf("detail %q", no.Problem().Detail)
			}
		})
	}
}

func wire(wants string) index.ResolveRequest {
	var r index.ResolveRequest
	for one := range strings.SplitSeq(wants, ", ") {
		id, rng, _ := strings.Cut(one, " ")
		r.Plugins = append(r.Plugins, index.Want{ID: id, Range: rng})
	}
	return r
}

func hinted(hints []index.Hint) string {
	var out []string
	for _, h := range hints {
		out = append(out, fmt.Sprintf("%s %s %s → %s", h.Plugin, h.Change, h.From, h.To))
	}
	return strings.Join(out, ", ")
}

// An answer that follows its own hints resolves.
func TestFollowedHintsResolve_D2(t *testing.T) {
	t.Parallel()
	unsatisfiable, with := 0, 0
	kinds := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		lines, wants := drawWorld(rt)
		var all []string
		for line := range strings.SplitSeq(lines, "\n") {
			line, _, _ = strings.Cut(line, " held ")
			if line == "" {
				continue
			}
			line, optional, _ := strings.Cut(line, " with ")
			if optional != "" {
				line += " with " + optional
			}
			line += rapid.SampledFrom([]string{" for ^1", " for ^2", " for >=1.5 <4", " for <2"}).Draw(rt, "host")
			line += rapid.SampledFrom([]string{"", " on linux/amd64", " on linux/arm64"}).Draw(rt, "platform")
			line += rapid.SampledFrom([]string{"", "", " in beta", " in edge"}).Draw(rt, "channel")
			all = append(all, line)
		}
		h, r := hallOf(t, strings.Join(all, "\n")), wire(wants)
		r.Prerelease = rapid.Bool().Draw(rt, "prerelease")
		r.Channel = rapid.SampledFrom([]string{"", "", "beta"}).Draw(rt, "in")
		r.Platform = rapid.SampledFrom([]string{"", "linux/amd64"}).Draw(rt, "on")
		if rapid.Bool().Draw(rt, "hosted") {
			r.Host = index.HostQuery{ID: "acme-editor", Version: rapid.SampledFrom([]string{"1.0.0", "2.1", "7.0.0"}).Draw(rt, "host version")}
		}
		_, err := h.ask(t.Context(), r)
		var no *resolve.Unsatisfiable
		if !errors.As(err, &no) {
			if err != nil {
				rt.Fatal(err)
			}
			return
		}
		if unsatisfiable++; len(no.Hints) == 0 {
			return
		}
		with++
		for _, one := range no.Hints {
			kinds[one.Change]++
		}
		next, changed := h.follow(t, r, no.Hints)
		if got, err := next.ask(t.Context(), changed); err != nil {
			rt.Fatalf("%+v of\n%s\nhints %s\nthen %s, %v", r, strings.Join(all, "\n"), hinted(no.Hints), said(got), err)
		}
		_, err = h.ask(t.Context(), r)
		if again := (*resolve.Unsatisfiable)(nil); !errors.As(err, &again) || hinted(again.Hints) != hinted(no.Hints) {
			rt.Fatalf("first %s, then %v", hinted(no.Hints), err)
		}
	})
	t.Logf("%d unsatisfiable, %d with hints: %v", unsatisfiable, with, kinds)
	if with*2 < unsatisfiable || len(kinds) < 5 {
		t.Errorf("of %d unsatisfiable requests %d had hints, of the kinds %v", unsatisfiable, with, kinds)
	}
}
