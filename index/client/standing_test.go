package client_test

import (
	"bytes"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/client"
	"github.com/opencontainers/go-digest"
)

// withdraw does something to every version of a plugin that is there now.
func withdraw(t testing.TB, s *shop, id string, with func(*catalog.Plugin, *catalog.Version)) {
	t.Helper()
	s.change(t, id, func(p *catalog.Plugin) {
		for i := range p.Versions {
			with(p, &p.Versions[i])
		}
	})
}

func blocked(_ *catalog.Plugin, v *catalog.Version) {
	v.State = index.VersionBlocked
	v.Pending = []index.Reason{{Code: index.ReasonBlocked, Detail: "steals keys, since 2028-01-02T03:04:05Z, by admin:ada"}}
}

func yanked(_ *catalog.Plugin, v *catalog.Version) {
	v.Yanked = &index.Yanked{At: time.Date(2028, 1, 2, 0, 0, 0, 0, time.UTC), By: "person:ada", Reason: "broken: it loses settings"}
}

// moved brings a plugin into a state by a move of its ledger.
func moved(state index.PluginState, with func(*index.Move)) func(*catalog.Plugin, *catalog.Version) {
	return func(p *catalog.Plugin, _ *catalog.Version) {
		m := index.Move{State: state, At: time.Date(2028, 1, 2, 0, 0, 0, 0, time.UTC), By: "person:ada", Reason: "security_review"}
		if with != nil {
			with(&m)
		}
		p.State, p.Moves = state, []index.Move{m}
	}
}

// Proves E2, E3, F14: a host learns what became of what it runs: the state,
// the reason, since when, and what to do.
func TestAHostLearnsWhatBecameOfWhatItRuns(t *testing.T) {
	t.Parallel()
	for title, row := range map[string]struct {
		with    func(*catalog.Plugin, *catalog.Version)
		state   string
		says    []string
		actions []string
		stop    bool
	}{
		"nothing": {func(*catalog.Plugin, *catalog.Version) {}, "active", nil, nil, false},
		"yanked":  {yanked, "yanked", []string{"yanked on 2028-01-02 by person:ada: broken: it loses settings"}, []string{"update", "keep_using"}, false},
		"blocked": {blocked, "blocked", []string{"steals keys", "since 2028-01-02", "by admin:ada"}, []string{"update", "uninstall"}, true},
		"quarantined": {func(_ *catalog.Plugin, v *catalog.Version) {
			v.State, v.Pending = index.VersionQuarantined, []index.Reason{{Code: index.ReasonQuarantined, Detail: "a blob is damaged"}}
		}, "quarantined", []string{"a blob is damaged"}, []string{"update", "keep_using"}, false},
		"not signed by anybody who is trusted": {func(_ *catalog.Plugin, v *catalog.Version) {
			v.Pending = []index.Reason{{Code: index.ReasonSignatureUnknown, Detail: "key old is revoked"}}
		}, "unlisted", []string{"not listed: key old is revoked"}, []string{"update", "uninstall"}, false},
		"deprecated": {moved(index.StateDeprecated, func(m *index.Move) { m.Replacement, m.Guide = "acme/next", "https://acme.example/next" }),
			"deprecated", []string{"since 2028-01-02 by person:ada", "replaced by acme/next", "guide https://acme.example/next"},
			[]string{"migration_guide", "install_replacement", "keep_using", "uninstall", "dismiss"}, false},
		"suspended":             {moved(index.StateSuspended, nil), "suspended", []string{"the plugin is suspended since 2028-01-02 by person:ada (security_review)"}, nil, false},
		"suspended and to stop": {moved(index.StateSuspended, func(m *index.Move) { m.Existing = "stop" }), "suspended", []string{"who has it stops it"}, []string{"alternatives", "uninstall"}, true},
		"removed":               {moved(index.StateRemoved, nil), "removed", []string{"removed since"}, nil, false},
		"emergency-removed":     {moved(index.StateEmergencyRemoved, nil), "emergency-removed", []string{"emergency-removed since"}, []string{"alternatives", "uninstall"}, true},
		"damaged, and not to run": {func(_ *catalog.Plugin, v *catalog.Version) {
			v.State = index.VersionQuarantined
			v.Pending = []index.Reason{{Code: index.ReasonEmergency, Detail: "it must not run: since 2028"},
				{Code: index.ReasonQuarantined, Detail: "a blob is damaged"}}
		}, "emergency-removed", []string{"the version is emergency-removed since 2028"}, []string{"update", "uninstall"}, true},
		"blocked, of a suspended": {func(p *catalog.Plugin, v *catalog.Version) { moved(index.StateSuspended, nil)(p, v); blocked(p, v) }, "blocked", []string{"steals keys"}, nil, true},
		"replaced in the catalog": {func(_ *catalog.Plugin, v *catalog.Version) { v.Digest = digest.FromString("other") }, "unknown", []string{"other content"}, []string{"update", "uninstall"}, false},
		"taken out of the catalog": {func(p *catalog.Plugin, _ *catalog.Version) {
			p.Versions = nil
		}, "unknown", []string{"does not know"}, []string{"alternatives", "uninstall"}, false},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.publish(t, "acme/hello", "1.0.0", release{})
			store := openStore(t, s, filepath.Join(t.TempDir(), "plugins"))
			install(t, store, "acme/hello")
			withdraw(t, s, "acme/hello", row.with)
			all, err := store.Standings(t.Context())
			if err != nil || len(all) != 1 {
				t.Fatalf("%d standings, %v", len(all), err)
			}
			got := all[0]
			if row.stop && got.Told != index.StandingStop {
				t.Errorf("the catalog told %q of what must stop", got.Told)
			}
			for _, n := range got.Notices {
				if n.Withdrawn != (n.Kind != "deprecated") || n.Standing != "" && n.Standing.Compare(got.Told) > 0 {
					t.Errorf("%s: a notice of %s: standing %q, withdrawn %t", got.Told, n.Kind, n.Standing, n.Withdrawn)
				}
			}
			if got.State != row.state || got.MustStop() != row.stop || (len(got.Notices) > 0) != (row.says != nil) {
				t.Fatalf("state %q (must stop: %t), expected %q (%t): %+v", got.State, got.MustStop(), row.state, row.stop, got.Notices)
			}
			for _, text := range row.says {
				if !strings.Contains(got.Notices[0].Detail, text) {
					t.Errorf("it says %q, expected %q in it", got.Notices[0].Detail, text)
				}
			}
			if row.actions != nil && !slices.Equal(got.Notices[0].Actions, row.actions) {
				t.Errorf("actions %v, expected %v", got.Notices[0].Actions, row.actions)
			}
			outdated, err := store.Outdated(t.Context())
			if err != nil || (len(outdated) > 0) != (row.state != "active") || len(outdated) > 0 && outdated[0].State != row.state {
				t.Errorf("outdated: %+v, %v", outdated, err)
			}
		})
	}
}

func TestACatalogThatDoesNotAnswerIsNotAnActiveVersion(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/hello", "1.0.0", release{})
	store := openStore(t, s, filepath.Join(t.TempDir(), "plugins"))
	install(t, store, "acme/hello")
	s.lies(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	all, err := store.Standings(t.Context())
	if err != nil || len(all) != 1 || all[0].State != client.StandingUntold || all[0].Withdrawn() || len(all[0].Notices) != 1 {
		t.Errorf("got %+v, %v", all, err)
	}
}

// A version that is told as active, without the digest that would say that it is
// what is installed, is neither active nor other content: it could not be told.
func TestAnActiveVersionWithoutDigestIsNotTold(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	d := s.publish(t, "acme/hello", "1.0.0", release{})
	store := openStore(t, s, filepath.Join(t.TempDir(), "plugins"))
	install(t, store, "acme/hello")
	s.lies(swap("/versions/", func(b []byte) []byte {
		return bytes.ReplaceAll(b, []byte(`"digest":"`+d.String()+`"`), []byte(`"digest":""`))
	}))
	all, err := store.Standings(t.Context())
	if err != nil || len(all) != 1 || all[0].State != client.StandingUntold || !strings.Contains(all[0].Notices[0].Detail, "without a digest") {
		t.Errorf("got %+v, %v", all, err)
	}
}

// Proves E3: a version that is withdrawn, and so told without its digest, is left
// for the one before it; a catalog that has not heard of it is still stale.
func TestUpdatingLeavesWhatWasWithdrawnForTheVersionBefore(t *testing.T) {
	t.Parallel()
	for title, row := range map[string]struct {
		with func(*catalog.Plugin, *catalog.Version)
		want string
	}{
		"blocked": {blocked, "acme/hello 1.0.0"},
		"quarantined": {func(_ *catalog.Plugin, v *catalog.Version) {
			v.State, v.Pending = index.VersionQuarantined, []index.Reason{{Code: index.ReasonQuarantined, Detail: "a blob is damaged"}}
		}, "acme/hello 1.0.0"},
		"other content": {func(_ *catalog.Plugin, v *catalog.Version) {
			v.Yanked = &index.Yanked{Reason: "broken"}
			v.Digest = digest.FromString("other")
		}, ""},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.publish(t, "acme/hello", "1.0.0", release{})
			s.publish(t, "acme/hello", "1.1.0", release{})
			store := openStore(t, s, filepath.Join(t.TempDir(), "plugins"))
			install(t, store, "acme/hello")
			s.change(t, "acme/hello", func(p *catalog.Plugin) {
				for i := range p.Versions {
					if p.Versions[i].Version.String() == "1.1.0" {
						row.with(p, &p.Versions[i])
					}
				}
			})
			_, err := store.Update(t.Context())
			if row.want == "" {
				if kinds(err) != "unverified" {
					t.Errorf("got %v, expected unverified", err)
				}
				return
			}
			if got := active(t, store); err != nil || got != row.want {
				t.Errorf("active: %s, %v, expected %s", got, err, row.want)
			}
		})
	}
}

// Proves E3, L1: what was withdrawn keeps nothing else from moving on.
func TestWhatWasWithdrawnStaysAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	for title, with := range map[string]func(*catalog.Plugin, *catalog.Version){
		"yanked": yanked, "blocked": blocked, "suspended": moved(index.StateSuspended, nil), "removed": moved(index.StateRemoved, nil),
		"emergency-removed": moved(index.StateEmergencyRemoved, nil), "gone": func(p *catalog.Plugin, _ *catalog.Version) { p.Versions = nil },
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.publish(t, "acme/bad", "1.0.0", needs("acme/lib", "^1"))
			s.publish(t, "acme/lib", "1.0.0", release{})
			s.publish(t, "acme/tool", "1.0.0", needs("acme/lib", "^1"))
			s.publish(t, "acme/user", "1.0.0", needs("acme/bad", "^1"))
			dir := filepath.Join(t.TempDir(), "plugins")
			store := openStore(t, s, dir)
			install(t, store, "acme/bad", "acme/tool", "acme/user")
			s.publish(t, "acme/lib", "1.1.0", release{})
			s.publish(t, "acme/lib", "2.0.0", release{})
			s.publish(t, "acme/tool", "1.1.0", needs("acme/lib", "^1"))
			s.publish(t, "acme/more", "1.0.0", release{})
			withdraw(t, s, "acme/bad", with)
			s.lies(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
				if (title == "blocked" || title == "emergency-removed" || title == "gone") && strings.HasPrefix(r.URL.Path, "/v2/acme/bad/") {
					w.WriteHeader(http.StatusForbidden)
					return
				}
				honest.ServeHTTP(w, r)
			})

			plan, err := store.PlanUpdate(t.Context())
			if err != nil || len(plan.Held) != 2 || len(plan.Changed) != 2 {
				t.Errorf("planned: %+v, %v", plan, err)
			}
			c, err := store.Update(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := active(t, store); got != "acme/lib 1.1.0, acme/tool 1.1.0, acme/bad 1.0.0, acme/user 1.0.0" {
				t.Errorf("after the update: %s", got)
			}
			if len(c.Held) != 2 || c.Held[0].ID != name(t, "acme/bad") || c.Held[0].Version != "1.0.0" || c.Held[0].Reason == "" ||
				!strings.HasPrefix(c.Held[1].Reason, "it needs acme/bad 1.0.0: ") {
				t.Errorf("held: %+v", c.Held)
			}
			again, err := store.Update(t.Context())
			if err != nil || again.Serial != c.Serial || len(again.Held) != 2 {
				t.Errorf("once more: %+v, %v", again, err)
			}
			if title == "gone" { // even its name
				s.forget(t, "acme/bad")
			}
			if one, err := store.Update(t.Context(), name(t, "acme/bad")); err != nil || len(one.Held) == 0 {
				t.Errorf("by name: %+v, %v", one, err)
			}
			more := install(t, store, "acme/more")
			if got := active(t, store); !strings.Contains(got, "acme/more 1.0.0") || !strings.Contains(got, "acme/bad 1.0.0") {
				t.Errorf("with one more: %s (%+v)", got, more.Held)
			}
			if _, err := store.Remove(t.Context(), name(t, "acme/tool")); err != nil {
				t.Errorf("removing another: %v", err)
			}
			if _, err := store.Remove(t.Context(), name(t, "acme/bad"), name(t, "acme/user")); err != nil {
				t.Errorf("removing it: %v", err)
			}
			if got := active(t, store); got != "acme/more 1.0.0" {
				t.Errorf("at the end: %s", got)
			}
		})
	}
}

// What is new and withdrawn stays away, and the rest of the same call comes; a
// name that nobody knows, or versions that do not go together, stop all of it.
func TestInstallingWhatWasWithdrawn(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/bad", "1.0.0", release{})
	s.publish(t, "acme/tool", "1.0.0", release{})
	s.publish(t, "acme/old", "1.0.0", needs("acme/lib", "^1"))
	s.publish(t, "acme/new", "1.0.0", needs("acme/lib", "^2"))
	s.publish(t, "acme/lib", "1.0.0", release{})
	s.publish(t, "acme/lib", "2.0.0", release{})
	withdraw(t, s, "acme/bad", blocked)
	dir := filepath.Join(t.TempDir(), "plugins")
	store := openStore(t, s, dir)
	c := install(t, store, "acme/bad", "acme/tool")
	if got := active(t, store); got != "acme/tool 1.0.0" || len(c.Held) != 1 || c.Held[0].Version != "" || !strings.Contains(c.Held[0].Reason, "steals keys") {
		t.Errorf("installed %s, held %+v", got, c.Held)
	}
	for title, wants := range map[string][]index.Want{
		"it alone":                           {{ID: "acme/bad"}},
		"a name that nobody knows":           {{ID: "acme/typo"}, {ID: "acme/bad"}},
		"what does not go together":          {{ID: "acme/old"}, {ID: "acme/new"}},
		"another range, that nothing can be": {{ID: "acme/tool", Range: "^7"}},
	} {
		if _, err := store.Install(t.Context(), wants...); kinds(err) != "conflict" && kinds(err) != "not found" {
			t.Errorf("%s: %v", title, err)
		}
		if got := active(t, store); got != "acme/tool 1.0.0" {
			t.Errorf("%s: %s", title, got)
		}
	}
}

// Proves E2, E3, E8: what a version is to who has it is the catalog's table to say,
// also of a state that this client does not know; what it does not say, or says in
// no word of the table, could not be told.
func TestTheCatalogSaysWhatMustStop_E2_E3(t *testing.T) {
	t.Parallel()
	for title, row := range map[string]struct {
		with     func(*catalog.Plugin, *catalog.Version)
		was, is  string
		state    string
		stop     bool
		withdraw bool
	}{
		"a new state that stops":          {blocked, `"blocked"`, `"frozen"`, "frozen", true, true},
		"a block that only keeps updates": {blocked, `"standing":"stop"`, `"standing":"update_blocked"`, "blocked", false, true},
		"a standing that is not said":     {blocked, `"standing":"stop"`, `"standing":""`, client.StandingUntold, false, true},
		"a standing of a newer server":    {blocked, `"standing":"stop"`, `"standing":"halted"`, client.StandingUntold, false, true},
		"a standing without a notice":     {blocked, `"notices":[`, `"notices":[],"were":[`, client.StandingUntold, true, false},
		"a deprecation":                   {moved(index.StateDeprecated, nil), "", "", "deprecated", false, false},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.publish(t, "acme/hello", "1.0.0", release{})
			store := openStore(t, s, filepath.Join(t.TempDir(), "plugins"))
			install(t, store, "acme/hello")
			withdraw(t, s, "acme/hello", row.with)
			if row.was != "" {
				s.lies(swap("/versions/", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(row.was), []byte(row.is)) }))
			}
			all, err := store.Standings(t.Context())
			if err != nil || len(all) != 1 || all[0].State != row.state || all[0].MustStop() != row.stop || all[0].Withdrawn() != row.withdraw {
				t.Errorf("expected %s, must stop %t, withdrawn %t: %+v, %v", row.state, row.stop, row.withdraw, all, err)
			}
		})
	}
}
