package app

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
)

// accountOf makes an account with a token by an admin.
func accountOf(t *testing.T, s *Server, admin, name string, roles ...string) string {
	t.Helper()
	ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]any{"name": name, "roles": roles}, 201)
	return ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/accounts/person:"+name+"/tokens", map[string]any{"label": "t", "expires_at": soon()}, 201).Secret
}

// loseDatabase stops a server and takes its database away.
func loseDatabase(t *testing.T, c config.Config, stop func() error) {
	t.Helper()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(c.Data, "oarlock.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
}

func refuses(t *testing.T, c config.Config, o Options, words ...string) {
	t.Helper()
	s, err := Open(t.Context(), c, o)
	if err == nil {
		_ = s.Close()
		t.Fatalf("it starts, and should say %q", words)
	}
	for _, w := range words {
		if !errors.Is(err, config.ErrUnusable) || !strings.Contains(err.Error(), w) {
			t.Errorf("it says %v, without %q", err, w)
		}
	}
}

// lostSite is a guarded site with two namespaces of person:owner, acme and the
// private secretco, whose database is gone.
func lostSite(t *testing.T) (c config.Config) {
	t.Helper()
	c = configured(t)
	c.Dev = false
	var notice bytes.Buffer
	s, stop := startWith(t, c, &notice)
	admin := tokenText.FindString(notice.String())
	owner := accountOf(t, s, admin, "owner")
	ask[any](t, s, owner, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	ask[any](t, s, owner, "POST", "/api/v1/namespaces", map[string]any{"name": "secretco", "private": true}, 201)
	accountOf(t, s, admin, "friend")
	ask[any](t, s, owner, "PUT", "/api/v1/namespaces/secretco/members/person:friend", map[string]any{"role": "maintainer"}, 204)
	pushAs(t, s, owner, 1)
	loseDatabase(t, c, stop)
	return c
}

// Proves B4, K6: a database that was lost, by a file that is gone or one that is
// empty, is no new site: nobody gets an admin token by it.
func TestALostDatabaseIsNoNewSite_B4_K6(t *testing.T) {
	t.Parallel()
	c := lostSite(t)
	for _, empty := range []bool{false, true} {
		if empty {
			if err := os.WriteFile(filepath.Join(c.Data, "oarlock.db"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var notice bytes.Buffer
		refuses(t, c, options(&notice), "the database holds no site, and the registry holds acme, secretco", "restore-backup", "--adopt-registry", "point db at")
		if notice.Len() > 0 {
			t.Errorf("it said %q", notice.String())
		}
	}
	if token, _, err := RecoverAdmin(t.Context(), c); !errors.Is(err, config.ErrUnusable) || token != "" {
		t.Errorf("an admin token is made: %q %v", token, err)
	}
}

// Proves B4, B5, K6: --dev does not take over the registry of a site whose
// database is lost: everybody would read what is private, and the site's own keys
// would sign it for all who trust them.
func TestDevDoesNotServeARegistryThatIsNotItsOwn_B4_B5_K6(t *testing.T) {
	t.Parallel()
	c := lostSite(t)
	before := filesOf(t, c.Data)
	c.Dev = true
	for _, adopt := range []bool{false, true} {
		o := options(io.Discard)
		o.AdoptRegistry = adopt
		refuses(t, c, o, "the database holds no site, and the registry holds acme, secretco", "point db at", "restore-backup", "without --dev", "--adopt-registry", "another data directory")
	}
	for name, content := range filesOf(t, c.Data) {
		if was, ok := before[name]; !strings.HasPrefix(name, "oarlock.db") && (!ok || was != content) {
			t.Errorf("a start that was refused wrote %s", name)
		}
	}
	c.Dev = false
	refuses(t, c, options(io.Discard), "the registry holds acme, secretco", "--adopt-registry")
}

// Proves B5: a registry that was filled with --dev goes on with --dev as long as
// its database is there, and is nobody's when it is gone.
func TestDevGoesOnWithTheDatabaseThatItMade_B5(t *testing.T) {
	t.Parallel()
	c := configured(t)
	s, stop := start(t, c)
	push(t, s, 1)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	again, stop := start(t, c)
	ask[any](t, again, "", "GET", "/api/v1/plugins/acme/p1", nil, 200)
	loseDatabase(t, c, stop)
	refuses(t, c, options(io.Discard), "the registry holds acme", "another data directory")
}

// filesOf are the files below a directory with their content.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Proves B4, B5: a site that was begun anew over a full registry gives no name
// away: an admin does, private ones stay private, and the ledger goes on.
func TestAnAdoptedRegistryGivesNoNameAway_B4_B5(t *testing.T) {
	t.Parallel()
	c := lostSite(t)
	var notice bytes.Buffer
	o := options(&notice)
	o.AdoptRegistry = true
	s := startOptions(t, c, o)
	<-s.index.ingest.ReadyC()
	admin := tokenText.FindString(notice.String())
	mallory := accountOf(t, s, admin, "mallory")
	for name, code := range map[string]string{"acme": index.CodeNamespaceHeld, "secretco": index.CodeNamespaceHeld, "acm3": index.CodeNamespaceResembles} {
		if p := ask[index.Problem](t, s, mallory, "POST", "/api/v1/namespaces", map[string]any{"name": name}, http.StatusConflict); p.Code != code || len(p.Fixes) == 0 {
			t.Errorf("mallory claims %s: %+v", name, p)
		}
	}
	for who, token := range map[string]string{"anybody": "", "mallory": mallory} {
		r, _ := http.NewRequest("GET", s.URL()+"/v2/acme/p1/manifests/1.1.0", nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := visitor.Do(r)
		if err != nil || resp.StatusCode == 200 {
			t.Errorf("%s pulls what nobody owns: %v %v", who, resp, err)
		}
		_ = resp.Body.Close()
	}
	if n := ask[index.Namespace](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "secretco"}, 201); !n.Private {
		t.Errorf("the private namespace becomes public by being given: %+v", n)
	}
	if n := ask[index.Namespace](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201); n.Private {
		t.Errorf("the public one: %+v", n)
	}
	ask[any](t, s, admin, "POST", "/api/v1/namespaces/acme/transfer", map[string]any{"to": "person:mallory"}, 204)
	if n, err := s.statements.Waiting(t.Context()); n != 0 || err != nil {
		t.Errorf("%d statements wait for a ledger that takes none: %v", n, err)
	}
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, owner := range map[string]string{"acme": "person:mallory", "secretco": "admin:bootstrap"} {
		p := ask[index.Publisher](t, s, admin, "GET", "/api/v1/publishers/"+name, nil, 200)
		if len(p.Owners) != 1 || p.Owners[0] != owner || len(p.Problems) > 0 {
			t.Errorf("the ledger of %s: %+v", name, p)
		}
	}
	if standing, _ := s.index.ingest.Publisher("secretco"); len(standing.Counts.Publisher.Members) != 1 {
		t.Errorf("the ledger names members that the site does not know: %v", standing.Counts.Publisher.Members)
	}
}

// The word that adopts is for one start.
func TestAdoptingIsForOneStart_B4(t *testing.T) {
	t.Parallel()
	c := lostSite(t)
	o := options(io.Discard)
	o.AdoptRegistry = true
	s, err := Open(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refuses(t, c, o, "nothing to adopt", "without --adopt-registry")
	again, _ := start(t, c)
	_ = again
}

// Proves B5: accounts, tokens and roles that were made with --dev end with it,
// and --dev gives none of a site that asks for logins.
func TestWhatIsMadeWithDevEndsWithIt_B5(t *testing.T) {
	t.Parallel()
	c := configured(t)
	s, stop := start(t, c)
	eve := accountOf(t, s, "", "eve", "admin")
	ask[any](t, s, "", "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	ask[any](t, s, "", "PUT", "/api/v1/namespaces/acme/members/person:eve", map[string]any{"role": "owner"}, 204)
	push(t, s, 1)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	again, stop := start(t, c) // for trying out it goes on
	ask[any](t, again, "", "GET", "/api/v1/namespaces/acme", nil, 200)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	c.Dev = false
	refuses(t, c, options(io.Discard), "was used with --dev", "--adopt-registry", "another data directory")
	if token, _, err := RecoverAdmin(t.Context(), c); err == nil {
		t.Errorf("an admin token is made: %q", token)
	}
	var notice bytes.Buffer
	o := options(&notice)
	o.AdoptRegistry = true
	guarded, stop := startBy(t, c, o)
	admin := tokenText.FindString(notice.String())
	ask[index.Problem](t, guarded, eve, "GET", "/api/v1/accounts", nil, 401)
	if list := ask[struct{ Items []index.Account }](t, guarded, admin, "GET", "/api/v1/accounts", nil, 200); len(list.Items) != 0 {
		t.Errorf("accounts of --dev are left: %+v", list.Items)
	}
	ask[index.Problem](t, guarded, accountOf(t, guarded, admin, "eve"), "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 409)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	c.Dev = true
	refuses(t, c, options(io.Discard), "holds a site that asks for logins", "another data directory")
}

// Proves B5: --dev does not sign with the keys of a site because its database and
// registry are elsewhere, nor a site with keys that were used with --dev; of both
// nothing is written.
func TestKeysServeTheSiteThatTheyWereMadeFor_B5(t *testing.T) {
	t.Parallel()
	elsewhere := func(c config.Config, dev bool) config.Config {
		c.Dev, c.DB, c.Storage = dev, "sqlite://"+filepath.Join(t.TempDir(), "other.db"), filepath.Join(t.TempDir(), "registry")
		return c
	}
	for says, dev := range map[string]bool{"a site's": false, "those of --dev": true} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			c := configured(t)
			c.Dev = dev
			_, stop := start(t, c)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			before := filesOf(t, c.Data)
			other := elsewhere(c, !dev)
			refuses(t, other, options(io.Discard), "the keys in the data directory", map[bool]string{false: "use another data directory", true: "point data at"}[dev])
			if diff := cmp.Diff(before, filesOf(t, c.Data)); diff != "" {
				t.Errorf("a start that was refused wrote (-before +after):\n%s", diff)
			}
			start(t, elsewhere(c, dev)) // of its own kind
		})
	}
	t.Run("without a mark", func(t *testing.T) {
		t.Parallel()
		c := configured(t)
		c.Dev = false
		_, stop := start(t, c)
		if err := errors.Join(stop(), os.Remove(filepath.Join(c.Data, config.KeysMarkFile))); err != nil {
			t.Fatal(err)
		}
		refuses(t, elsewhere(c, true), options(io.Discard), "nothing says that they are not")
		if err := os.WriteFile(filepath.Join(c.Data, config.KeysMarkFile), []byte("what"), 0o600); err != nil {
			t.Fatal(err)
		}
		refuses(t, c, options(io.Discard), `"what", expected "site" or "dev"`)
	})
}
