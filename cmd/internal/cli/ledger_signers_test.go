package cli

import (
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	format "github.com/oarlock/oarlock/artifact/ledger"
	chains "github.com/oarlock/oarlock/artifact/ledger/ledgertest"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/ledger/ledgertest"
	"github.com/oarlock/oarlock/policy/trust"
)

// serveLedgers is a registry that has what m has, in the folder of a mirror.
func serveLedgers(t *testing.T, m *ledgertest.Memory) (repository string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last := path.Base(r.URL.Path)
		d, err := m.Tag(r.Context(), last)
		if err != nil {
			d = digest.Digest(last)
		}
		mediaType, raw, err := m.Manifest(r.Context(), d)
		if err != nil {
			mediaType = "application/octet-stream"
			raw, err = m.Blob(r.Context(), d, 1<<20)
		}
		switch {
		case r.URL.Path == "/v2/":
			return
		case err != nil || !strings.HasPrefix(r.URL.Path, "/v2/mirror/oarlock/publishers/"):
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Docker-Content-Digest", d.String())
		_, _ = w.Write(raw)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/mirror/acme/hello"
}

// TestAClientBelievesNoLedgerThatLostWhatItKnew_G3 reads a ledger, and then
// what a registry makes of it to bring a stolen key back.
func TestAClientBelievesNoLedgerThatLostWhatItKnew_G3(t *testing.T) {
	site, stranger, own := ledgertest.NewKey(t, "site"), ledgertest.NewKey(t, "stranger"), ledgertest.NewKey(t, "own")
	who, err := trust.Parse([]byte("platforms: [{name: site, key: {file: site}}]\nnamespaces: {'*': {ledger_keys: true}}"),
		func(string) ([]byte, error) { return []byte(site.PEM), nil })
	if err != nil {
		t.Fatal(err)
	}
	added := chains.New(t, "oarlock/publishers:acme", site.Sign)
	added.Claim(t, "person:ada")
	added.Add(t, format.KeyAdded, "person:ada", format.RoleOwner, own.Body("own", chains.Day), nil)
	revoked := added.Clone()
	revoked.Add(t, format.KeyRevoked, "person:ada", format.RoleOwner, format.KeyEnd{ID: own.ID().String(), From: chains.Day, Reason: "stolen"}, nil)
	forged := revoked.Clone()
	forged.Sign = stranger.Sign
	forged.Add(t, format.KeyAdded, "person:ada", format.RoleOwner, stranger.Body("mine", chains.Day), nil)
	fork := added.Clone()
	fork.Verify(t)
	for name, row := range map[string]struct {
		shown *chains.Chain
		known *chains.Chain // what was read before
		code  string
	}{
		"it holds":                     {revoked, nil, ""},
		"it holds, and goes on":        {revoked, added, ""},
		"its end is gone":              {added, revoked, ledger.CodeTruncated},
		"another statement at its end": {fork, revoked, ledger.CodeForked},
		"forged at its end":            {forged, revoked, ledger.CodeForged},
		"gone":                         {nil, revoked, policy.CodeUnreadable},
		"never there":                  {nil, nil, policy.CodeUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("XDG_CONFIG_HOME", t.TempDir())
			m := ledgertest.NewMemory()
			repository := serveLedgers(t, m)
			read := func() *policy.LedgerKeys { return (&console{}).ledgerSigners(who).of(t.Context(), repository, "acme") }
			if row.known != nil {
				m.Put(t, row.known)
				if got := read(); got.Problem != nil || len(got.Keys) != 1 {
					t.Fatalf("what was read before: %+v", got)
				}
				clear(m.Tags)
			}
			if row.shown != nil {
				m.Put(t, row.shown)
			}
			got := read()
			switch {
			case row.code == "" && (got.Problem != nil || len(got.Keys) != 1 || got.Keys[0].RevokedFrom.IsZero()):
				t.Errorf("got %+v, want one key that is revoked", got)
			case row.code != "" && (got.Problem == nil || got.Problem.Code != row.code || got.Problem.Outcome != policy.Unknown || len(got.Keys) > 0):
				t.Errorf("got %+v %+v, want %s and no key", got, got.Problem, row.code)
			}
		})
	}
}

func TestALedgerLiesBesideItsPlugins_G3(t *testing.T) {
	t.Parallel()
	for repository, want := range map[string]string{
		"127.0.0.1:7117/acme/hello":          "127.0.0.1:7117/oarlock/publishers:acme",
		"mirror.example.org/a/b/acme/hello":  "mirror.example.org/a/b/oarlock/publishers:acme",
		"acme/hello":                         "",
		"mirror.example.org/examples/hello":  "",
		"mirror.example.org/acme/deep/hello": "",
	} {
		if got, err := ledgerBeside(repository, "acme"); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v, want %q", repository, got, err, want)
		}
	}
}
