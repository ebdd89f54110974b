package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"oras.land/oras-go/v2"
	orasremote "oras.land/oras-go/v2/registry/remote"
	orasauth "oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/registry/remote"
)

// history is what the ledger of acme says, one line for each statement.
func history(t *testing.T, s *Server, token string) []string {
	t.Helper()
	page := ask[index.LedgerPage](t, s, token, "GET", "/api/v1/publishers/acme/ledger", nil, http.StatusOK)
	var out []string
	for _, e := range page.Items {
		out = append(out, e.Kind+" by "+e.Actor+" as "+e.Role)
	}
	return out
}

func publicPEM(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestEveryChangeOfANamespaceIsStated_B4(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	no := http.StatusNoContent
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]any{"name": "ada"}, http.StatusCreated)
	ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]any{"name": "bob"}, http.StatusCreated)
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:bob", map[string]string{"role": "reader"}, no)
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/acme", map[string]any{"publishing": "off"}, http.StatusOK)
	ask[any](t, s, admin, "DELETE", "/api/v1/namespaces/acme/members/person:bob", nil, no)
	key := ask[index.Publisher](t, s, admin, "POST", "/api/v1/publishers/acme/keys", index.NewPublisherKey{Name: "release", PEM: publicPEM(t)}, http.StatusOK).Keys[0]
	revoked := ask[index.Publisher](t, s, admin, "POST", "/api/v1/publishers/acme/keys/"+key.ID+"/revoke", index.KeyRevocation{Reason: "lost"}, http.StatusOK)
	if k := revoked.Keys[0]; k.RevokedFrom == nil || k.Reason != "lost" {
		t.Errorf("revoked key: %+v", k)
	}
	ask[any](t, s, admin, "POST", "/api/v1/publishers/acme/verification", index.VerifyRequest{Evidence: "administrator", Note: "known"}, http.StatusOK)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces/acme/transfer", map[string]string{"to": "person:ada"}, no)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces/acme/close", nil, http.StatusOK)
	want := []string{
		"publisher.claimed by admin:bootstrap as owner", "member.set by admin:bootstrap as owner", "publisher.configured by admin:bootstrap as owner",
		"member.removed by admin:bootstrap as owner", "key.added by admin:bootstrap as owner", "key.revoked by admin:bootstrap as owner",
		"publisher.verified by admin:bootstrap as platform", "publisher.transferred by admin:bootstrap as owner", "publisher.closed by admin:bootstrap as platform",
	}
	if diff := cmp.Diff(want, history(t, s, "")); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	p := ask[index.Publisher](t, s, "", "GET", "/api/v1/publishers/acme", nil, http.StatusOK)
	if p.Verified == nil || p.ClosedAt == nil || p.Publishing != "off" || len(p.Problems) != 0 || p.Ledger.Sequence != 9 || p.Ledger.Foreign || p.Proof != nil {
		t.Errorf("publisher: %+v", p)
	}
	if diff := cmp.Diff([]string{"person:ada"}, p.Owners); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	page := ask[index.LedgerPage](t, s, "", "GET", "/api/v1/publishers/acme/ledger?after=2&limit=3", nil, http.StatusOK)
	if len(page.Items) != 3 || page.Items[0].Sequence != 3 || page.Next != 5 || page.Total != 9 {
		t.Errorf("page: %+v", page)
	}
	ask[index.Problem](t, s, "", "GET", "/api/v1/publishers/examples", nil, http.StatusNotFound)
}

func TestWhoMayChangeAPublisher_B4(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "hidden", "private": true}, http.StatusCreated)
	ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]string{"name": "eve"}, http.StatusCreated)
	eve := ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/accounts/person:eve/tokens", map[string]any{"label": "laptop", "expires_at": soon()}, http.StatusCreated).Secret
	for _, path := range []string{"keys", "verification"} {
		body := any(index.NewPublisherKey{Name: "x", PEM: publicPEM(t)})
		if path == "verification" {
			body = index.VerifyRequest{Evidence: "administrator"}
		}
		ask[index.Problem](t, s, "", "POST", "/api/v1/publishers/acme/"+path, body, http.StatusUnauthorized)
		ask[index.Problem](t, s, eve, "POST", "/api/v1/publishers/acme/"+path, body, http.StatusForbidden)
	}
	for _, path := range []string{"/api/v1/publishers/hidden", "/api/v1/publishers/hidden/ledger"} {
		ask[index.Problem](t, s, eve, "GET", path, nil, http.StatusNotFound)
		ask[any](t, s, admin, "GET", path, nil, http.StatusOK)
	}
	for _, row := range []struct {
		name, token string
		want        int
	}{{"acme", "", http.StatusOK}, {"acme", eve, http.StatusOK}, {"hidden", "", http.StatusNotFound}, {"hidden", eve, http.StatusNotFound}, {"hidden", admin, http.StatusOK}} {
		r := must(http.NewRequest("GET", s.URL()+"/v2/oarlock/publishers/manifests/"+row.name, nil))
		if row.token != "" {
			r.Header.Set("Authorization", "Bearer "+row.token)
		}
		resp := must(visitor.Do(r))
		resp.Body.Close()
		if resp.StatusCode != row.want {
			t.Errorf("the ledger of %s: status %d, want %d", row.name, resp.StatusCode, row.want)
		}
	}
	for token, want := range map[string][]string{"": {"acme"}, eve: {"acme"}, admin: {"acme", "hidden"}} {
		got := ask[struct{ Tags []string }](t, s, token, "GET", "/v2/oarlock/publishers/tags/list", nil, http.StatusOK)
		if diff := cmp.Diff(want, got.Tags); diff != "" {
			t.Errorf("publishers that are told (-want +got):\n%s", diff)
		}
	}
	if got := history(t, s, ""); len(got) != 1 {
		t.Errorf("history: %v", got)
	}
}

// dns is what the DNS says, and an error where it does not answer.
type dns map[string]any

func (d dns) LookupTXT(_ context.Context, domain string) ([]string, error) {
	switch v := d[domain].(type) {
	case []string:
		return v, nil
	case error:
		return nil, v
	}
	return nil, &net.DNSError{Err: "no such host", Name: domain, IsNotFound: true}
}

func TestADomainVerifiesAPublisher_B4(t *testing.T) {
	t.Parallel()
	c := configured(t)
	says := dns{"down.example.org": errors.New("server misbehaving"), "other.example.org": []string{"v=spf1", "oarlock-verify=examples:abc"}}
	o := options(&strings.Builder{})
	o.DNS = says
	s := startOptions(t, c, o)
	ask[any](t, s, "", "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	pushAs(t, s, "", 1)
	proof := ask[index.Publisher](t, s, "", "GET", "/api/v1/publishers/acme", nil, http.StatusOK).Proof["dns"]
	if !strings.HasPrefix(proof, "oarlock-verify=acme:") {
		t.Fatalf("proof %q", proof)
	}
	verify := func(domain string, want int) index.Problem {
		return ask[index.Problem](t, s, "", "POST", "/api/v1/publishers/acme/verification", index.VerifyRequest{Evidence: "dns", Domain: domain}, want)
	}
	verify("no domain", http.StatusBadRequest)
	verify("127.0.0.1", http.StatusBadRequest)
	verify("down.example.org", http.StatusServiceUnavailable)
	if p := verify("nowhere.example.org", http.StatusUnprocessableEntity); len(p.Fixes) == 0 || !strings.Contains(p.Fixes[0], proof) {
		t.Errorf("the refusal does not say which record is missing: %+v", p)
	}
	verify("other.example.org", http.StatusUnprocessableEntity)
	says["acme.example.org"] = []string{"v=spf1", proof}
	verify("ACME.example.org.", http.StatusOK)
	p := ask[index.Publisher](t, s, "", "GET", "/api/v1/publishers/acme", nil, http.StatusOK)
	if p.Verified == nil || p.Verified.Domain != "acme.example.org" || p.Verified.Record != proof {
		t.Errorf("verified: %+v", p.Verified)
	}
	rows := ask[index.Page](t, s, "", "GET", "/api/v1/plugins", nil, http.StatusOK)
	if len(rows.Items) != 1 || !rows.Items[0].VerifiedPublisher {
		t.Errorf("rows: %+v", rows.Items)
	}
	withdrawn := ask[index.Publisher](t, s, "", "DELETE", "/api/v1/publishers/acme/verification?reason=sold", nil, http.StatusOK)
	if withdrawn.Verified != nil {
		t.Errorf("still verified: %+v", withdrawn.Verified)
	}
}

// startOptions is start with other options.
func startOptions(t *testing.T, c config.Config, o Options) *Server {
	t.Helper()
	s, err := Open(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(s.Run(ctx), s.Close()) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// anyStatement asks the queue for the first that waits.
func anyStatement() jobs.Ask {
	return jobs.Ask{Kind: statements.JobKind, InOrder: true, Limit: 1, Now: time.Now(), Until: time.Now().Add(time.Minute)}
}

// A crash between SQL and registry is made up at the next start, once, whether
// the statement had got into the registry or not.
func TestWhatACrashLeftIsStatedAtTheNextStart_B4(t *testing.T) {
	t.Parallel()
	for says, reached := range map[string]bool{"before the registry": false, "after the registry": true} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			c := configured(t)
			c.Dev = false
			s, err := Open(t.Context(), c, options(&strings.Builder{}))
			if err != nil {
				t.Fatal(err)
			}
			by := auth.Principal{Kind: auth.Admin, Name: "admin:root", Grants: []auth.Grant{{Role: auth.RoleAdmin}}}
			if _, err := s.accounts.namespaces.ClaimWith(t.Context(), by, "acme", auth.NamespaceSettings{Public: true}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.accounts.people.Add(t.Context(), by, "bob", nil); err != nil {
				t.Fatal(err)
			}
			if err := s.accounts.namespaces.SetMember(t.Context(), by, "acme", "person:bob", auth.RoleReader); err != nil {
				t.Fatal(err)
			}
			if reached { // and then the process died before it could note it
				q := s.accounts.store.Jobs()
				for _, a := range must(q.Lease(t.Context(), anyStatement())) {
					if err := q.Retry(t.Context(), a, a.AskedAt, ""); err != nil {
						t.Fatal(err)
					}
					if err := s.statements.Drain(t.Context()); err != nil {
						t.Fatal(err)
					}
					if err := q.Enqueue(t.Context(), a.Job); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = startOptions(t, c, options(&strings.Builder{}))
			s.statements.Settle(t.Context(), "acme")
			if err := s.index.ingest.Settled(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := history(t, s, "")
			slices.Sort(got)
			if diff := cmp.Diff([]string{"member.set by admin:root as owner", "publisher.claimed by admin:root as owner"}, got); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
			if n, err := s.statements.Waiting(t.Context()); err != nil || n != 0 {
				t.Errorf("%d messages wait: %v", n, err)
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Namespaces of a time before there were ledgers are stated at the first start
// that knows ledgers, and not twice.
func TestNamespacesWithoutALedgerGetOne_B4(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Dev = false
	s, err := Open(t.Context(), c, options(&strings.Builder{}))
	if err != nil {
		t.Fatal(err)
	}
	by := auth.Principal{Kind: auth.Admin, Name: "admin:root", Grants: []auth.Grant{{Role: auth.RoleAdmin}}}
	for _, do := range []func() error{
		func() error {
			_, err := s.accounts.namespaces.ClaimWith(t.Context(), by, "acme", auth.NamespaceSettings{Public: true})
			return err
		},
		func() error { _, err := s.accounts.people.Add(t.Context(), by, "bob", nil); return err },
		func() error {
			return s.accounts.namespaces.SetMember(t.Context(), by, "acme", "person:bob", auth.RoleReader)
		},
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	q := s.accounts.store.Jobs()
	for {
		all := must(q.Lease(t.Context(), anyStatement()))
		if len(all) == 0 {
			break
		}
		if err := q.Done(t.Context(), all[0]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		func() {
			s, err := Open(t.Context(), c, options(&strings.Builder{}))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.statements.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			ref := must(format.OfPublisher("acme"))
			got := s.index.basis.Ledgers.Read(t.Context(), ref, stored{s.stored.Storage, s.index.basis, ref.Repository()}, format.Head{})
			if got.Verdict().Outcome() != policy.Allow || got.Head.Sequence != 2 || got.State.Publisher.Members["person:bob"] != "reader" {
				t.Errorf("ledger: %+v", got)
			}
		}()
	}
}

// What a mirror brings counts where its platform is trusted, and is refused
// where it is not; this site adds nothing to it.
func TestALedgerFromAnotherSiteNeedsTrust_H4(t *testing.T) {
	t.Parallel()
	there, admin := startGuarded(t, nil)
	ask[any](t, there, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	ask[any](t, there, admin, "POST", "/api/v1/publishers/acme/verification", index.VerifyRequest{Evidence: "administrator"}, http.StatusOK)
	key := ask[index.PlatformKeyList](t, there, "", "GET", "/api/v1/platform-keys", nil, http.StatusOK).Items[0]
	dir := t.TempDir()
	policyFile := filepath.Join(dir, "trust.yaml")
	text := "platforms:\n  - name: there\n    key: {file: there.pub}\nnamespaces:\n  \"*\": {signature: optional}\n"
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "there.pub"), []byte(key.PEM), 0o600), os.WriteFile(policyFile, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	for says, trusted := range map[string]bool{"trusted": true, "not trusted": false} {
		t.Run(says, func(t *testing.T) {
			here, token := startGuarded(t, func(c *config.Config) {
				if trusted {
					c.Trust = policyFile
				}
			})
			err := copyLedger(t, there, here, token, "acme")
			if !trusted {
				if !errors.Is(err, artifact.ErrDenied) || !strings.Contains(err.Error(), "ledger_forged") || !strings.Contains(err.Error(), "platforms:") {
					t.Errorf("got %v, want a refusal that says why", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := copyLedger(t, there, here, token, "acme"); err != nil {
				t.Errorf("the same again: %v", err)
			}
			if err := here.index.ingest.Settled(t.Context()); err != nil {
				t.Fatal(err)
			}
			p := ask[index.Publisher](t, here, "", "GET", "/api/v1/publishers/acme", nil, http.StatusOK)
			if p.Verified == nil || !p.Ledger.Foreign || p.Ledger.Platform != key.ID {
				t.Errorf("publisher: %+v", p)
			}
			ask[any](t, here, token, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
			ask[index.Problem](t, here, token, "POST", "/api/v1/publishers/acme/keys", index.NewPublisherKey{Name: "x", PEM: publicPEM(t)}, http.StatusConflict)
			if err := copyLedger(t, there, here, token, "acme"); err != nil {
				t.Errorf("after the namespace was claimed here: %v", err)
			}
			distrusts(t, here, policyFile)
		})
	}
}

// distrusts takes the trust in the other platform away: what it stated is
// named by fsck and in the record, and vouches for nobody.
func distrusts(t *testing.T, s *Server, policyFile string) {
	t.Helper()
	if err := os.WriteFile(policyFile, []byte("namespaces: {acme: {signature: optional}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	var damage []index.Damage
	if err := fsck(t.Context(), s.stored.Checks, s.index, func(d index.Damage) { damage = append(damage, d) }); err != nil {
		t.Fatal(err)
	}
	if len(damage) != 1 || damage[0].Kind != "ledger" || !strings.Contains(damage[0].What, "ledger_forged: statement 1") {
		t.Errorf("fsck: %+v", damage)
	}
	p := ask[index.Publisher](t, s, "", "GET", "/api/v1/publishers/acme", nil, http.StatusOK)
	if p.Verified != nil || len(p.Problems) != 1 || p.Problems[0].Sequence != 1 {
		t.Errorf("publisher: %+v", p)
	}
}

// copyLedger copies a publisher's ledger as a mirror does.
func copyLedger(t *testing.T, from, to *Server, token, publisher string) error {
	t.Helper()
	open := func(s *Server, token string) *orasremote.Repository {
		c := orasauth.EmptyCredential
		if token != "" {
			c = orasauth.Credential{Username: "admin", Password: token}
		}
		r, _, err := remote.Open(s.Addr()+"/"+format.PublishersRepository, remote.Options{HTTPClient: visitor, Credential: orasauth.StaticCredential(s.Addr(), c)})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	_, err := oras.Copy(t.Context(), open(from, ""), publisher, open(to, token), publisher, oras.DefaultCopyOptions)
	return pushError(err)
}

// pushError gives what the gate refuses over a socket its kind.
func pushError(err error) error {
	var answer *errcode.ErrorResponse
	if !errors.As(err, &answer) {
		return err
	}
	text := answer.Errors.Error()
	switch answer.StatusCode {
	case http.StatusConflict:
		return fmt.Errorf("%s: %w", text, artifact.ErrConflict)
	case http.StatusForbidden, http.StatusUnauthorized, http.StatusMethodNotAllowed:
		return fmt.Errorf("%s: %w", text, artifact.ErrDenied)
	case http.StatusBadRequest:
		return fmt.Errorf("%s: %w", text, artifact.ErrInvalid)
	}
	return errors.New(text)
}
