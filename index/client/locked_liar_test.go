package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// asks is the request for a resolution that came, nil where it was another.
func asks(r *http.Request) *index.ResolveRequest {
	q := new(index.ResolveRequest)
	if !strings.HasSuffix(r.URL.Path, "/resolve") || json.NewDecoder(r.Body).Decode(q) != nil {
		return nil
	}
	return q
}

// passes has the honest catalog answer q instead of what came.
func passes(w http.ResponseWriter, r *http.Request, honest http.Handler, q *index.ResolveRequest) {
	raw, err := json.Marshal(q)
	if err != nil {
		panic(err)
	}
	asked := httptest.NewRequest(r.Method, r.URL.Path, bytes.NewReader(raw))
	asked.Host, asked.Header = r.Host, r.Header
	honest.ServeHTTP(w, asked)
}

// Proves D2: a catalog that refuses a plugin of the lock file brings it in at no
// other digest, hidden in the answer about another.
func TestALyingCatalogPutsNoOtherDigestInALocksPlace_D2(t *testing.T) {
	t.Parallel()
	s, l := lockedShop(t)
	isOther := func(w index.Want) bool { return w.ID == "acme/other" }
	s.lies(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		q := asks(r)
		switch {
		case q != nil && slices.ContainsFunc(q.Plugins, isOther):
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusConflict)
			_ = json.NewEncoder(w).Encode(index.NewProblem(index.CodeUnsatisfiable, "no version fits", "wait"))
		case q != nil:
			if !slices.ContainsFunc(q.Locked, func(o index.Locked) bool { return o.ID == "acme/other" }) { // the one that is installed
				q.Plugins = append(q.Plugins, index.Want{ID: "acme/other", Range: "^2"})
			}
			passes(w, r, honest, q)
		case strings.HasSuffix(r.URL.Path, "/acme/other/why"):
			told, why := httptest.NewRecorder(), new(index.Why)
			honest.ServeHTTP(told, r)
			if err := json.Unmarshal(told.Body.Bytes(), why); err != nil {
				panic(err)
			}
			for n := range why.Versions {
				why.Versions[n].Reasons = []index.Reason{{Code: "yanked", Detail: "yanked"}}
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(why)
		default:
			honest.ServeHTTP(w, r)
		}
	})
	store := openStore(t, s, t.TempDir())
	c, err := store.InstallLocked(t.Context(), l, client.LockedOptions{})
	if !errors.Is(err, artifact.ErrConflict) || !strings.Contains(err.Error(), "do not go together") {
		t.Errorf("%+v, %v", c, err)
	}
	if got := active(t, store); strings.Contains(got, "acme/other") {
		t.Errorf("installed %s", got)
	}
}

// Proves D7: what nobody asked for, and nothing needs, is not installed, however
// well it is signed.
func TestALyingCatalogBringsNothingInBesides_D7(t *testing.T) {
	t.Parallel()
	s, _ := lockedShop(t)
	s.lies(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		q := asks(r)
		if q == nil {
			honest.ServeHTTP(w, r)
			return
		}
		q.Plugins = append(q.Plugins, index.Want{ID: "acme/other"})
		passes(w, r, honest, q)
	})
	store := openStore(t, s, t.TempDir())
	c, err := store.Install(t.Context(), index.Want{ID: "acme/tool"})
	if !errors.Is(err, artifact.ErrUnverified) || !strings.Contains(err.Error(), "acme/other") {
		t.Errorf("%+v, %v", c, err)
	}
	if got := active(t, store); got != "" {
		t.Errorf("installed %s", got)
	}
}

// Proves D2: what is not in a frozen lock file is told as all that differs is.
func TestAPluginThatAFrozenLockLacks_D2(t *testing.T) {
	t.Parallel()
	s, l := lockedShop(t)
	store := openStore(t, s, t.TempDir())
	more, err := artifact.ParseName("acme/more")
	if err != nil {
		t.Fatal(err)
	}
	for frozen, want := range map[bool]error{true: artifact.ErrConflict, false: artifact.ErrNotFound} {
		_, err := store.InstallLocked(t.Context(), l, client.LockedOptions{Only: []artifact.Name{more}, Frozen: frozen})
		if !errors.Is(err, want) || strings.Count(err.Error(), "acme/more is not in the lock file") != 1 {
			t.Errorf("frozen %t: %v", frozen, err)
		}
	}
}

// Proves D2 and E12: what the catalog gives to who has it locked, and the registry
// to who has it alone, stays away and keeps nothing else away.
func TestWhatTheRegistryRefusesOfALockStaysAway_D2_E12(t *testing.T) {
	t.Parallel()
	for refused, row := range map[string]struct{ left, held string }{
		"acme/other": {"acme/lib 1.0.0, acme/tool 1.0.0", "acme/other"},
		"acme/lib":   {"acme/other 1.0.0", "acme/tool"},
	} {
		t.Run(refused, func(t *testing.T) {
			t.Parallel()
			s, l := lockedShop(t)
			s.lies(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
				if strings.HasPrefix(r.URL.Path, "/v2/"+refused+"/") {
					http.Error(w, `{"errors":[{"code":"DENIED","message":"it is suspended"}]}`, http.StatusForbidden)
					return
				}
				honest.ServeHTTP(w, r)
			})
			store := openStore(t, s, t.TempDir())
			_, err := store.InstallLocked(t.Context(), l, client.LockedOptions{Frozen: true})
			if !errors.Is(err, artifact.ErrConflict) || !strings.Contains(err.Error(), "it is suspended") || active(t, store) != "" {
				t.Errorf("frozen: %v, %s", err, active(t, store))
			}
			c := installLocked(t, store, l, client.LockedOptions{})
			if got := active(t, store); got != row.left {
				t.Errorf("installed %s", got)
			}
			if len(c.Held) != 1 || c.Held[0].ID.String() != row.held || !strings.Contains(c.Held[0].Reason, "it is suspended") {
				t.Errorf("held %+v", c.Held)
			}
		})
	}
}
