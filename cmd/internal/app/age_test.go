package app

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oras.land/oras-go/v2"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/remote"
)

// Proves D8 over the wire: a version is chosen by search, show and resolve once it has
// been public for as long as the request asks, by the publication log; why says until
// when; a lock keeps what it holds; and what cannot be read is refused.
func TestAVersionIsChosenOnceItIsOldEnough_D8(t *testing.T) {
	t.Parallel()
	hand := clock.NewHand(time.Now())
	c := configured(t)
	o := options(&strings.Builder{})
	o.Clock = hand.Clock()
	s, _ := startBy(t, c, o)
	publish(t, s, "", `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	logged(t, s, "1.0.0")
	hand.Advance(80 * time.Hour)
	publish(t, s, "", `{"id": "acme/hello", "version": "1.1.0", "engines": {"acme-editor": "*"}}`)
	logged(t, s, "1.1.0")
	chosen := func(query, age string) [3]string {
		t.Helper()
		page := ask[index.Page](t, s, "", "GET", "/api/v1/plugins"+query, nil, 200)
		show := ask[index.Detail](t, s, "", "GET", "/api/v1/plugins/acme/hello"+query, nil, 200)
		got := ask[index.Resolution](t, s, "", "POST", "/api/v1/resolve", index.ResolveRequest{MinimumAge: age, Plugins: []index.Want{{ID: "acme/hello"}}}, 200)
		return [3]string{page.Items[0].Version, show.Version, got.Resolved[0].Version}
	}
	if got := chosen("", ""); got != [3]string{"1.1.0", "1.1.0", "1.1.0"} {
		t.Errorf("nobody asked for an age: %v", got)
	}
	if got := chosen("?minimum_age=3d", "72h"); got != [3]string{"1.0.0", "1.0.0", "1.0.0"} {
		t.Errorf("three days: %v", got)
	}
	why := ask[index.Why](t, s, "", "GET", "/api/v1/plugins/acme/hello/why?minimum_age=72h", nil, 200)
	if r := why.Versions[0].Reasons[0]; r.Code != index.ReasonTooYoung || r.Until == nil || why.MinimumAge != "72h0m0s" {
		t.Errorf("why says %+v", why)
	}
	lock := []index.Locked{{ID: "acme/hello", Digest: why.Versions[0].Digest}}
	kept := ask[index.Resolution](t, s, "", "POST", "/api/v1/resolve", index.ResolveRequest{MinimumAge: "72h", Plugins: []index.Want{{ID: "acme/hello"}}, Locked: lock}, 200)
	if kept.Resolved[0].Version != "1.1.0" {
		t.Errorf("a lock was taken from %+v", kept)
	}
	problem := ask[index.Problem](t, s, "", "POST", "/api/v1/resolve", index.ResolveRequest{MinimumAge: "9d", Plugins: []index.Want{{ID: "acme/hello"}}}, 409)
	if !strings.Contains(problem.Explanation, "too young until") {
		t.Errorf("nothing is old enough, and it says %q", problem.Explanation)
	}
	for _, bad := range []string{"soon", "-1h", "9999999h", "1e9d"} {
		if p := ask[index.Problem](t, s, "", "GET", "/api/v1/plugins?minimum_age="+bad, nil, http.StatusBadRequest); p.Code != "invalid_parameter" {
			t.Errorf("%s: %+v", bad, p)
		}
	}
	hand.Advance(73 * time.Hour)
	if got := chosen("?minimum_age=3d", "72h"); got != [3]string{"1.1.0", "1.1.0", "1.1.0"} {
		t.Errorf("three days later: %v", got)
	}
}

// Proves D8: a site's own minimum age holds for who asks for none or for less, and not
// for publishers that it names.
func TestASiteAsksForAnAge_D8(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.MinimumAge.Least, c.MinimumAge.Publishers = 72*time.Hour, []string{"oak"}
	s, _ := start(t, c)
	publish(t, s, "", `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	publish(t, s, "", `{"id": "oak/tool", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	for _, query := range []string{"", "?minimum_age=0h", "?minimum_age=1h"} {
		page := ask[index.Page](t, s, "", "GET", "/api/v1/plugins"+query, nil, 200)
		if page.Total != 1 || page.Items[0].ID != "oak/tool" || page.MinimumAge != "72h0m0s" {
			t.Errorf("%q: %+v", query, page)
		}
	}
	if status, _ := textOf(t, s, "", "GET", "/api/v1/plugins/acme/hello"); status != http.StatusNotFound {
		t.Errorf("show: %d", status)
	}
}

// Proves D8 and G6: at a mirror the age of a version counts from what the log of the site
// proves that it came from, where the trust policy names that log, whenever the proof
// comes; and else from when it came here.
func TestAnAgeAtAMirrorCountsFromItsSource_D8_G6(t *testing.T) {
	t.Parallel()
	hand := clock.NewHand(time.Now())
	at := func(trust string) *Server {
		c := configured(t)
		c.Trust = filepath.Join(t.TempDir(), "trust.yaml")
		if err := os.WriteFile(c.Trust, []byte("namespaces: {\"*\": {signature: optional}}\n"+trust), 0o600); err != nil {
			t.Fatal(err)
		}
		o := options(&strings.Builder{})
		o.Clock = hand.Clock()
		s, _ := startBy(t, c, o)
		return s
	}
	from := at("")
	publish(t, from, "", `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	logged(t, from, "1.0.0")
	if err := from.engines.carrier.Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	hand.Advance(80 * time.Hour)
	repository := func(s *Server) oras.GraphTarget {
		r, _, err := remote.Open(s.Addr()+"/acme/hello", remote.Options{HTTPClient: visitor})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	key := ask[index.Log](t, from, "", "GET", "/api/v1/log", nil, 200).Key
	named, unnamed := at("logs: [\""+key+"\"]\n"), at("")
	for _, to := range []*Server{named, unnamed} {
		if _, err := oras.Copy(t.Context(), repository(from), "1.0.0", repository(to), "1.0.0", oras.DefaultCopyOptions); err != nil {
			t.Fatal(err)
		}
		if err := to.index.ingest.Settled(t.Context()); err != nil {
			t.Fatal(err)
		}
		logged(t, to, "1.0.0")
	}
	young := func(to *Server, what string) {
		t.Helper()
		ask[index.Problem](t, to, "", "POST", "/api/v1/resolve", index.ResolveRequest{MinimumAge: "72h", Plugins: []index.Want{{ID: "acme/hello"}}}, 409)
		why := ask[index.Why](t, to, "", "GET", "/api/v1/plugins/acme/hello/why?minimum_age=72h", nil, 200)
		if r := why.Versions[0].Reasons[0]; r.Code != index.ReasonTooYoung || r.Until == nil || r.Until.Before(hand.Clock().Now()) {
			t.Errorf("%s: why says %+v", what, why)
		}
	}
	young(named, "no proof came")
	for _, to := range []*Server{named, unnamed} { // its proof comes later
		if _, err := oras.ExtendedCopy(t.Context(), repository(from), "1.0.0", repository(to), "1.0.0", oras.DefaultExtendedCopyOptions); err != nil {
			t.Fatal(err)
		}
	}
	if err := named.index.elsewhere.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := ask[index.Resolution](t, named, "", "POST", "/api/v1/resolve", index.ResolveRequest{MinimumAge: "72h", Plugins: []index.Want{{ID: "acme/hello"}}}, 200)
	if got.Resolved[0].Version != "1.0.0" {
		t.Errorf("the log of its source is named: %+v", got)
	}
	young(unnamed, "the log of its source is not named")
}

// logged waits until the log proves the publication of a version of acme/hello.
func logged(t *testing.T, s *Server, version string) {
	t.Helper()
	if status, text := textOf(t, s, "", "GET", "/api/v1/plugins/acme/hello/versions/"+version+"/proof"); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
}
