package resolve_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/resolve"
	"github.com/opencontainers/go-digest"
)

// listed is a plugin whose versions are those of lines, for acme-editor ^2 and
// built for linux/amd64.
func listed(t *testing.T, id, lines string, with func(*catalog.Plugin)) catalog.Plugin {
	t.Helper()
	host, err := artifact.ParseHostID("acme-editor")
	if err != nil {
		t.Fatal(err)
	}
	linux, err := artifact.ParsePlatform("linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	p := catalog.Plugin{ID: name(t, id), Channels: map[string]digest.Digest{}}
	for _, c := range worldOf(t, lines)[p.ID] {
		p.Versions = append(p.Versions, catalog.Version{Version: c.Version, Digest: c.Digest,
			Builds: []artifact.Build{{Platform: linux, Digest: digest.FromString("build " + c.Version.String())}},
			Plugin: &artifact.Plugin{ID: p.ID, Version: c.Version, Dependencies: c.Dependencies,
				Engines: map[artifact.HostID]artifact.Range{host: rangeOf(t, "^2")}}})
	}
	if with != nil {
		with(&p)
	}
	return p
}

func fitOf(t *testing.T, version, platform, channel string) catalog.Fit {
	t.Helper()
	host, err := artifact.ParseHostID("acme-editor")
	if err != nil {
		t.Fatal(err)
	}
	f := catalog.Fit{Host: host, Channel: channel}
	if f.HostVersion, err = artifact.ParseHostVersion(version); err != nil {
		t.Fatal(err)
	}
	if f.Platform, err = artifact.ParsePlatform(platform); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestResolveOverACatalog_D2(t *testing.T) {
	t.Parallel()
	snapshot := catalog.Empty().With([]catalog.Plugin{
		listed(t, "acme/tool", "acme/tool 2.0.0-rc.1 needs acme/lib ^1\nacme/tool 1.0.0 needs acme/lib ^1", func(p *catalog.Plugin) {
			p.Channels["beta"] = p.Versions[0].Digest
		}),
		listed(t, "acme/lib", "acme/lib 1.2.0\nacme/lib 1.1.0", func(p *catalog.Plugin) {
			p.Versions[0].Yanked = &index.Yanked{Reason: "loses data", By: "person:ada", At: time.Date(2028, 1, 2, 0, 0, 0, 0, time.UTC)}
		}),
		listed(t, "acme/paused", "acme/paused 1.0.0", func(p *catalog.Plugin) { p.State = index.StateSuspended }),
		listed(t, "acme/gone", "acme/gone 1.0.0", func(p *catalog.Plugin) { p.State = index.StateEmergencyRemoved }),
	}, nil)
	for title, row := range map[string]struct {
		wants, locked, host, platform, channel string
		want, wrong                            string
	}{
		"what fits is chosen": {wants: "acme/tool", want: "acme/lib 1.1.0 (acme/tool), acme/tool 1.0.0 (request)"},
		"a channel gives its prerelease, and the rest as without it": {wants: "acme/tool", channel: "beta",
			want: "acme/lib 1.1.0 (acme/tool), acme/tool 2.0.0-rc.1 (request)"},
		"a wanted plugin without the channel is not in it": {wants: "acme/lib", channel: "beta",
			wrong: `the request asks for acme/lib; no version of acme/lib fits (the plugin has no channel "beta") (1.2.0: yanked on 2028-01-02 by person:ada: loses data).`},
		"a lock reaches a yanked version": {wants: "acme/tool", locked: "acme/lib 1.2.0",
			want: "acme/lib 1.2.0 (acme/tool), acme/tool 1.0.0 (request)"},
		"a lock reaches a suspended plugin": {wants: "acme/paused", locked: "acme/paused 1.0.0", want: "acme/paused 1.0.0 (request)"},
		"a suspended plugin takes no new installs": {wants: "acme/paused",
			wrong: "the request asks for acme/paused; of acme/paused, 1.0.0 is suspended, and nothing else fits (1.0.0: the plugin is suspended, which takes new installs only while active or deprecated)."},
		"a version that exists and may not be had says why": {wants: "acme/lib =1.2.0",
			wrong: "the request asks for acme/lib =1.2.0; there is acme/lib 1.1.0 (1.2.0: yanked on 2028-01-02 by person:ada: loses data)."},
		"nothing reaches an emergency-removed one": {wants: "acme/gone", locked: "acme/gone 1.0.0",
			wrong: "the request asks for acme/gone; no version of acme/gone fits (the plugin is emergency-removed, which takes new installs only while active or deprecated)."},
		"another host version fits nothing": {wants: "acme/paused", host: "3.0",
			wrong: "the request asks for acme/paused; no version of acme/paused fits (the plugin is suspended, which takes new installs only while active or deprecated)."},
		"another platform fits nothing": {wants: "acme/tool", platform: "darwin/arm64",
			wrong: "the request asks for acme/tool; no version of acme/tool fits (built for linux/amd64, asked for darwin/arm64)."},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := request(t, row.wants)
			lock(t, &r, row.locked)
			host, platform := "2.1", "linux/amd64"
			if row.host != "" {
				host = row.host
			}
			if row.platform != "" {
				platform = row.platform
			}
			got, err := resolve.Resolve(t.Context(), resolve.Over(snapshot, fitOf(t, host, platform, row.channel), r.Names()...), r)
			if row.wrong != "" {
				var no *resolve.Unsatisfiable
				if !errors.As(err, &no) || no.Explanation != row.wrong {
					t.Errorf("got %s, %v\nexpected %s", said(got), err, row.wrong)
				}
				return
			}
			if err != nil || said(got) != row.want {
				t.Errorf("got %s, %v, expected %s", said(got), err, row.want)
			}
			for _, c := range got {
				if c.PlatformDigest != digest.FromString("build "+c.Version.String()) {
					t.Errorf("%s: platform digest %s", c.ID, c.PlatformDigest)
				}
			}
		})
	}
}

func TestRequestsAreReadWithPlaces(t *testing.T) {
	t.Parallel()
	good := index.Want{ID: "acme/tool"}
	d := digest.FromString("x")
	for want, r := range map[string]index.ResolveRequest{
		`plugins: none named: invalid`:                                           {},
		`plugins[1]: plugin name "tool": expected <publisher>/<plugin>: invalid`: {Plugins: []index.Want{good, {ID: "tool"}}},
		`locked[0]: acme/tool: digest "md5:0": unsupported digest algorithm: invalid`: {Plugins: []index.Want{good},
			Locked: []index.Locked{{ID: "acme/tool", Digest: "md5:0"}}},
		`locked[1]: acme/tool is locked to ` + d.String() + ` and to ` + digest.FromString("y").String() + `: invalid`: {Plugins: []index.Want{good},
			Locked: []index.Locked{{ID: "acme/tool", Digest: d}, {ID: "acme/tool", Digest: digest.FromString("y")}}},
	} {
		if _, err := resolve.ParseRequest(r); !errors.Is(err, artifact.ErrInvalid) || err.Error() != want {
			t.Errorf("got %v, expected %s", err, want)
		}
	}
	if _, err := resolve.ParseRequest(index.ResolveRequest{Plugins: []index.Want{{ID: "acme/tool", Range: "nonsense"}}}); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

// What was withdrawn is not missing, and a version that is there is not one that
// is not: no hint says so.
func TestNoHintNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	waits := func(code string) func(*catalog.Plugin) {
		return func(p *catalog.Plugin) {
			p.Versions[0].Pending = []index.Reason{{Code: code, Detail: "told: " + code}}
		}
	}
	for title, with := range map[string]func(*catalog.Plugin){
		"yanked":   func(p *catalog.Plugin) { p.Versions[0].Yanked = &index.Yanked{Reason: "told: broken"} },
		"blocked":  waits(index.ReasonBlocked),
		"rejected": waits(index.ReasonAttestInvalid),
		"unsigned": waits(index.ReasonUnsigned),
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			snapshot := catalog.Empty().With([]catalog.Plugin{listed(t, "acme/one", "acme/one 0.1.0", with),
				listed(t, "acme/user", "acme/user 1.0.0 needs acme/one ^0.1", nil)}, nil)
			for _, wants := range []string{"acme/one", "acme/one =0.1.0", "acme/one ^0.1", "acme/user"} {
				r := request(t, wants)
				_, err := resolve.Resolve(t.Context(), resolve.Over(snapshot, catalog.Fit{}, r.Names()...), r)
				var no *resolve.Unsatisfiable
				if !errors.As(err, &no) || !strings.Contains(no.Explanation, "told: ") || len(no.Hints) != 0 {
					t.Errorf("%s: %v, hints %+v", wants, err, no.Hints)
				}
			}
		})
	}
	snapshot := catalog.Empty().With([]catalog.Plugin{listed(t, "acme/one", "acme/one 1.0.0", nil)}, nil)
	other, err := artifact.ParseHostID("other-host")
	if err != nil {
		t.Fatal(err)
	}
	r := request(t, "acme/one")
	_, err = resolve.Resolve(t.Context(), resolve.Over(snapshot, catalog.Fit{Host: other}, r.Names()...), r)
	var no *resolve.Unsatisfiable
	if !errors.As(err, &no) || len(no.Hints) != 1 || no.Hints[0].To == "1.0.0" {
		t.Errorf("for another host: %v, hints %+v", err, no.Hints)
	}
}

func TestATypoIsToldWhatItMayMean(t *testing.T) {
	t.Parallel()
	snapshot := catalog.Empty().With([]catalog.Plugin{listed(t, "acme/hello", "acme/hello 1.0.0", nil),
		listed(t, "globex/world", "globex/world 1.0.0", nil)}, nil)
	for typo, want := range map[string]string{
		"acme/helo": "did you mean acme/hello?", "acem/hello": "did you mean acme/hello?", "other/hello": "did you mean acme/hello?",
		"acme/hlelo": "did you mean acme/hello?", "globex/wordl": "did you mean globex/world?", "acme/entirely-else": "search",
	} {
		if got := resolve.Meant(snapshot, name(t, typo), "search"); got[0] != want {
			t.Errorf("%s: %q, expected %q", typo, got, want)
		}
	}
}
