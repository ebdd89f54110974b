package app

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/registry/mirror"
	"github.com/oarlock/oarlock/registry/remote"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Proves H3 and I7: what is private at the source of a mirror does not become
// public at the mirror unless somebody says so.
func TestAMirrorKeepsPrivateWhatIsPrivate_H3_I7(t *testing.T) {
	t.Parallel()
	trusting := func(c *config.Config) { c.Trust = everybodyListed(t) }
	from, admin := startGuarded(t, trusting)
	to, other := startGuarded(t, trusting)
	ask[any](t, from, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "hushhush", "private": true}, 201)
	publish(t, from, admin, `{"id": "hushhush/tool", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	login := func(s *Server, token string) remote.Options {
		return remote.Options{HTTPClient: visitor, Credential: orasauth.StaticCredential(s.Addr(), orasauth.Credential{Username: "x", Password: token})}
	}
	options := mirror.Options{From: login(from, admin), To: login(to, other), Repositories: []string{"hushhush/*"}}
	// run gives what failed of the plugin, and of the ledger: the mirror trusts no
	// other platform here.
	run := func(o mirror.Options) (plugin, ledger string) {
		t.Helper()
		r, err := mirror.Run(t.Context(), from.Addr(), to.Addr(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range r.Failed {
			if i.Repository == "hushhush/tool" {
				plugin += i.Detail + "\n"
			} else {
				ledger += i.String() + "\n"
			}
		}
		return plugin, ledger
	}
	there := func() int { return statusWith(t, to, other, "/v2/hushhush/tool/manifests/1.0.0") }

	plugin, ledger := run(options)
	if !strings.Contains(plugin, "oarlock publisher claim hushhush --private") {
		t.Errorf("unclaimed at the mirror: %s", plugin)
	}
	if !strings.Contains(ledger, "oarlock/publishers:hushhush") || strings.Contains(ledger, "everybody") {
		t.Errorf("the ledger is not passed over, nor held back: %s", ledger)
	}

	ask[any](t, to, other, "POST", "/api/v1/namespaces", map[string]any{"name": "hushhush"}, 201)
	plugin, ledger = run(options)
	if !strings.Contains(plugin, "private at the source, and everybody could read it") || !strings.Contains(plugin, "oarlock publisher configure hushhush --private=true") {
		t.Errorf("public at the mirror: %s", plugin)
	}
	if !strings.Contains(ledger, "oarlock/publishers:hushhush: hushhush/hushhush is private at the source") {
		t.Errorf("its ledger: %s", ledger)
	}
	if got := there(); got != http.StatusNotFound {
		t.Errorf("it was copied all the same: status %d", got)
	}

	untold := options
	untold.From.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if _, _, ok := r.BasicAuth(); strings.HasPrefix(r.URL.Path, "/auth/token") && !ok {
			return nil, errors.New("no answer for strangers")
		}
		return visitor.Transport.RoundTrip(r)
	})}
	if plugin, _ = run(untold); !strings.Contains(plugin, "could not tell whether the source shows hushhush/tool to everybody") || there() != http.StatusNotFound {
		t.Errorf("could not tell: %s", plugin)
	}

	ask[any](t, to, other, "PATCH", "/api/v1/namespaces/hushhush", map[string]any{"private": true}, 200)
	if plugin, _ = run(options); plugin != "" || there() != http.StatusOK {
		t.Errorf("private at the mirror: %d, %s", there(), plugin)
	}
	ask[any](t, to, other, "PATCH", "/api/v1/namespaces/hushhush", map[string]any{"private": false}, 200)
	public := options
	public.AllowPublic = true
	if plugin, _ = run(public); plugin != "" {
		t.Errorf("everybody may have it: %s", plugin)
	}
	open := options
	open.From.Credential = func(context.Context, string) (orasauth.Credential, error) { return orasauth.EmptyCredential, nil }
	open.Repositories = []string{"hushhush/tool"}
	ask[any](t, from, admin, "PATCH", "/api/v1/namespaces/hushhush", map[string]any{"private": false}, 200)
	if plugin, _ = run(open); plugin != "" {
		t.Errorf("public on both sides, without a login: %s", plugin)
	}
	if plugin, _ = run(options); plugin != "" {
		t.Errorf("public on both sides: %s", plugin)
	}
}
