package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// TestRevocationEndsAccessTokens_B5: through this server at once, through
// another replica within CacheTTL.
func TestRevocationEndsAccessTokens_B5(t *testing.T) {
	t.Parallel()
	for name, revoke := range map[string]func(s *site, by Principal, id string) error{
		"here": func(s *site, by Principal, id string) error { return s.Tokens.Revoke(t.Context(), by, id) },
		"through another, wait": func(s *site, _ Principal, id string) error {
			defer s.clock.move(CacheTTL)
			return s.store.RevokeToken(t.Context(), id, s.clock.Now())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			_, owner := s.person("ada")
			owner = s.claim(owner, "acme")
			robot := s.robot(owner, "acme", "repository:acme/*:pull")
			bearer := "Bearer " + s.get(basic("ci", robot.Reveal()), "scope=repository:acme/hello:pull").Token
			if got := s.try(bearer, RepositoryPull, "acme/hello"); got != 200 {
				t.Fatalf("before: %d", got)
			}
			if err := revoke(s, owner, robot.ID()); err != nil {
				t.Fatal(err)
			}
			if got := s.try(bearer, RepositoryPull, "acme/hello"); got != 401 {
				t.Errorf("access token after: %d", got)
			}
			if got := s.try("Bearer "+robot.Reveal(), RepositoryPull, "acme/hello"); got != 401 {
				t.Errorf("robot token after: %d", got)
			}
		})
	}
}

// TestACacheOnACacheKeepsNothingLonger_B5: what was read just before a
// revocation elsewhere is good for CacheTTL, whichever caches it went through.
func TestACacheOnACacheKeepsNothingLonger_B5(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, owner := s.person("ada")
	owner = s.claim(owner, "acme")
	robot := s.robot(owner, "acme", "repository:acme/*:pull")
	access := "Bearer " + s.get(basic("ci", robot.Reveal()), "scope=repository:acme/hello:pull").Token
	s.clock.move(CacheTTL) // nothing is held
	if got := s.try("Bearer "+robot.Reveal(), RepositoryPull, "acme/hello"); got != 200 {
		t.Fatalf("robot token: %d", got)
	}
	s.clock.move(CacheTTL * 9 / 10)
	other := basic("other name", robot.Reveal())
	for name, header := range map[string]string{"an access token": access, "the token as a password": other} {
		if got := s.try(header, RepositoryPull, "acme/hello"); got != 200 {
			t.Fatalf("%s, before: %d", name, got)
		}
	}
	if err := s.store.RevokeToken(t.Context(), robot.ID(), s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	s.clock.move(CacheTTL / 5)
	for name, header := range map[string]string{"an access token": access, "the token as a password": other} {
		if got := s.try(header, RepositoryPull, "acme/hello"); got != 401 {
			t.Errorf("%s, 1.1 × CacheTTL after the store was read: %d, want 401", name, got)
		}
	}
}

func TestLosingARoleEndsWhatItAllowed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, owner := s.person("ada")
	token, bob := s.person("bob")
	owner = s.claim(owner, "acme")
	if err := s.Namespaces.SetMember(t.Context(), owner, "acme", bob.Name, RolePublisher); err != nil {
		t.Fatal(err)
	}
	bearer := "Bearer " + s.get(basic("bob", token.Reveal()), "scope=repository:acme/hello:pull,push").Token
	if got := s.try(bearer, PluginPublish, "acme/hello"); got != 200 {
		t.Fatalf("as a publisher: %d", got)
	}
	if err := s.Namespaces.SetMember(t.Context(), owner, "acme", bob.Name, RoleReader); err != nil {
		t.Fatal(err)
	}
	if got := s.try(bearer, PluginPublish, "acme/hello"); got != 403 {
		t.Errorf("as a reader, with the token of before: %d", got)
	}
	_, admin := s.admin()
	if err := s.Accounts.Disable(t.Context(), admin, bob.Name, true); err != nil {
		t.Fatal(err)
	}
	if got := s.try(bearer, RepositoryPull, "acme/hello"); got != 401 {
		t.Errorf("disabled: %d", got)
	}
}

func TestAccessTokenTimes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, admin := s.admin()
	text, err := s.auth.who.signAccess(admin, nil, s.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name string
		move time.Duration
		ok   bool
	}{
		{"a clock that runs twenty seconds behind", -20 * time.Second, true},
		{"a clock that runs a minute behind", -40 * time.Second, true},
		{"a clock that runs more than that behind", -10 * time.Second, false},
		{"at its end, within the skew", 6*time.Minute + 30*time.Second, true},
		{"after its end and the skew", 20 * time.Second, false},
	} {
		s.clock.move(step.move)
		if _, _, err := s.auth.who.verifyAccess(t.Context(), text); (err == nil) != step.ok || err != nil && !errors.Is(err, artifact.ErrUnverified) {
			t.Errorf("%s: %v", step.name, err)
		}
	}
}

// TestForgedAccessTokens: each is refused as unverified, none as an accident.
func TestForgedAccessTokens(t *testing.T) {
	t.Parallel()
	s, other := newSite(t), newSite(t)
	_, admin := s.admin()
	good, err := s.auth.who.signAccess(admin, []Scope{mustScope(t, "repository:acme/hello:pull")}, s.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.auth.who.verifyAccess(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	elsewhere, err := other.auth.who.signAccess(admin, nil, s.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var body map[string]any
	if err := json.Unmarshal(raw, &body); err != nil {
		t.Fatal(err)
	}
	with := func(key string, value any) string {
		changed := map[string]any{}
		for k, v := range body {
			changed[k] = v
		}
		changed[key] = value
		b, _ := json.Marshal(changed)
		return parts[0] + "." + base64.RawURLEncoding.EncodeToString(b) + "." + parts[2]
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	hmac := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT","kid":"` + s.keys.signer().KeyID + `"}`))
	for name, text := range map[string]string{
		"another subject":       with("sub", "person:eve"),
		"a later end":           with("exp", s.clock.Now().Add(time.Hour).Unix()),
		"more access":           with("access", []Scope{{Type: "repository", Name: "*", Actions: []string{"*"}}}),
		"no signature":          parts[0] + "." + parts[1] + ".",
		"algorithm none":        none + "." + parts[1] + ".",
		"algorithm HS256":       hmac + "." + parts[1] + "." + parts[2],
		"another site's key":    elsewhere,
		"two parts":             parts[0] + "." + parts[1],
		"something else":        "hello",
		"a token with five":     good + ".x.y",
		"nothing":               "",
		"a claim of wrong type": with("exp", "tomorrow"),
	} {
		if p, _, err := s.auth.who.verifyAccess(t.Context(), text); !errors.Is(err, artifact.ErrUnverified) || p.Name != "" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestKeysRotateWithOverlap(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, admin := s.admin()
	replica, err := OpenKeys(t.Context(), s.keys.store, KeyOptions{Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s.clock.move(time.Second)
	before, _ := s.auth.who.signAccess(admin, nil, s.clock.Now())
	if rotated, err := s.keys.RotateIfDue(t.Context()); rotated || err != nil {
		t.Fatalf("a new key is rotated: %v", err)
	}
	if err := s.keys.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, _ := s.auth.who.signAccess(admin, nil, s.clock.Now())
	if len(s.keys.JWKS().Keys) != 2 {
		t.Fatalf("%d keys in the set, want both", len(s.keys.JWKS().Keys))
	}
	for name, text := range map[string]string{"signed before": before, "signed after": after} {
		if _, _, err := s.auth.who.verifyAccess(t.Context(), text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := replica.verifier(t.Context(), s.keys.signer().KeyID); err != nil {
		t.Errorf("a replica that meets the new key: %v", err)
	}
	third, err := OpenKeys(t.Context(), s.keys.store, KeyOptions{Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.keys.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rotated, err := third.RotateIfDue(t.Context()); rotated || err != nil || third.signer().KeyID != s.keys.signer().KeyID {
		t.Errorf("a replica that met no new token signs with an old key: %v", err)
	}
	old := s.keys.keys[1].Key.KeyID
	s.clock.move(2 * time.Hour)
	if _, err := s.keys.verifier(t.Context(), old); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("after the overlap the old key verifies: %v", err)
	}
	s.clock.move(90 * 24 * time.Hour)
	if rotated, err := s.keys.RotateIfDue(t.Context()); !rotated || err != nil {
		t.Fatalf("an old key is not rotated: %v", err)
	}
	if files, _ := s.keys.store.LoadKeys(t.Context()); len(files) != 2 || files[old] != nil {
		t.Errorf("%d key files, want the new one and the one before", len(files))
	}
}

func TestKeysHaveToOutliveAccessTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	o := s.o
	o.TokenLifetime = time.Hour
	if _, err := New(o); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("tokens that outlive their key: %v", err)
	}
	if _, err := New(Options{PublicURL: "plugins.example.org"}); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v, want each of three problems", err)
	}
	for id := range must(s.keys.store.LoadKeys(t.Context())) {
		if err := s.keys.store.RemoveKey(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.keys.RotateIfDue(t.Context()); err == nil || s.keys.signer().KeyID == "" {
		t.Errorf("all keys are gone: %v", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestKeyFilesAreHeldToTheirMode(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	files, err := OpenKeyFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	k, err := OpenKeys(t.Context(), files, KeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, k.signer().KeyID+keySuffix)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info.Mode(), err)
	}
	again, err := OpenKeys(t.Context(), files, KeyOptions{})
	if err != nil || again.signer().KeyID != k.signer().KeyID {
		t.Fatalf("opened again: another key, %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeys(t.Context(), files, KeyOptions{}); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("a key that others can read: %v", err)
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.Truncate(path, 40)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeys(t.Context(), files, KeyOptions{}); !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), k.signer().KeyID) {
		t.Errorf("a damaged key: %v", err)
	}
}

// TestOnDevEverybodyIsItsAdmin: whatever a request shows; and that principal may
// everything there, and on a server that asks for logins no more than others.
func TestOnDevEverybodyIsItsAdmin(t *testing.T) {
	t.Parallel()
	dev := newSite(t, func(o *Options) { o.AnyoneIsAdminUnsafe = true })
	guarded := newSite(t)
	acme := InRepository("acme/hello")
	for _, header := range []string{"", "Bearer x", basic("a", "b")} {
		r := httptest.NewRequest("GET", "/v2/", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		p, err := dev.auth.Identify(r)
		if err != nil || p.Name != DevAdmin().Name {
			t.Errorf("%q: %v, %v", header, p, err)
		}
		ctx := With(t.Context(), p)
		if err := dev.auth.Check(ctx, PluginPublish, acme); err != nil {
			t.Errorf("%q: %v", header, err)
		}
		if can, err := guarded.auth.Can(ctx, PluginPublish, acme); can || err != nil {
			t.Errorf("%q: behind logins: %v, %v", header, can, err)
		}
		visibility, err := dev.auth.Visibility(ctx, dev.auth.Anybody())
		if err != nil || !visibility.Pulls("acme/hello") {
			t.Errorf("%q: sees %v, %v", header, visibility, err)
		}
	}
	if err := dev.auth.Check(t.Context(), PluginPublish, acme); err == nil {
		t.Error("a context in which nobody was identified may publish")
	}
	if got := guarded.auth.Anybody(); got.Name != Nobody().Name {
		t.Errorf("behind logins anybody is %v", got)
	}
}
