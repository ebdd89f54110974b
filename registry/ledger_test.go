package registry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/artifact/ledger/ledgertest"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
)

// chain is a ledger of so many statements.
func chain(t *testing.T, name string, statements int) *ledgertest.Chain {
	c := ledgertest.New(t, name, nil)
	for i := range statements {
		c.Add(t, "test.said", "person:ada", format.RoleOwner, map[string]int{"n": i}, nil)
	}
	return c
}

// send pushes the statements of a ledger, and then its index to a tag.
func (c *client) ledger(x *ledgertest.Chain) answer {
	c.t.Helper()
	repo := x.Ref.Repository()
	c.blob(repo, emptyConfig)
	for _, e := range x.Entries {
		c.blob(repo, e.Envelope)
		c.want(c.raw(repo, e.Descriptor.Digest.String(), ocispec.MediaTypeImageManifest, e.Manifest), http.StatusCreated)
	}
	return c.raw(repo, x.Ref.Tag(), ocispec.MediaTypeImageIndex, x.Index(c.t))
}

func (c *client) raw(repo, reference, mediaType string, content []byte) answer {
	c.t.Helper()
	return c.send("PUT", "/v2/"+repo+"/manifests/"+reference, content, "Content-Type", mediaType)
}

var ledgerNames = []string{"acme/hello:oarlock-state", "oarlock/publishers:acme"}

func TestALedgerOnlyGrows_E1(t *testing.T) {
	t.Parallel()
	for _, name := range ledgerNames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := registrytest.New(t, registrytest.InMemory())
			c := newClient(t, s)
			two := chain(t, name, 2)
			three, other := two.Clone(), two.Clone()
			three.Add(t, "test.said", "person:ada", format.RoleOwner, map[string]string{"n": "three"}, nil)
			other.Add(t, "test.said", "person:bob", format.RoleOwner, map[string]string{"n": "other"}, nil)
			c.want(c.ledger(two), http.StatusCreated)
			c.want(c.ledger(two), http.StatusCreated) // the same again: a mirror's second run
			c.want(c.ledger(three), http.StatusCreated)
			for says, row := range map[string]struct {
				x    *ledgertest.Chain
				want []string
			}{
				"an older copy": {two, []string{"an older copy", "first 2 of the 3"}},
				"a fork":        {other, []string{"forked at statement 3", three.Entries[2].Descriptor.Digest.String(), other.Entries[2].Descriptor.Digest.String()}},
			} {
				text := c.refused(c.ledger(row.x), http.StatusConflict, "DENIED")
				for _, part := range row.want {
					if !strings.Contains(text, part) {
						t.Errorf("%s: the refusal does not say %q: %s", says, part, text)
					}
				}
			}
			c.want(c.ledger(three), http.StatusCreated)
			for _, at := range []string{three.Ref.Tag(), three.Entries[0].Descriptor.Digest.String()} {
				c.refused(c.send("DELETE", "/v2/"+three.Ref.Repository()+"/manifests/"+at, nil), http.StatusMethodNotAllowed, "UNSUPPORTED")
			}
		})
	}
}

func TestALedgerTakesStatementsInTheirPlace_E1(t *testing.T) {
	t.Parallel()
	const name = "acme/hello:oarlock-state"
	for says, row := range map[string]struct {
		make func(*testing.T) *ledgertest.Chain
		want []string
	}{
		"two changed places": {func(t *testing.T) *ledgertest.Chain {
			x := chain(t, name, 3)
			x.Entries[1], x.Entries[2] = x.Entries[2], x.Entries[1]
			return x
		}, []string{"statement 2", "number 3"}},
		"one is missing": {func(t *testing.T) *ledgertest.Chain {
			x := chain(t, name, 3)
			x.Entries = slices.Delete(x.Entries, 1, 2)
			return x
		}, []string{"statement 2", "number 3"}},
		"one that follows another": {func(t *testing.T) *ledgertest.Chain {
			x := chain(t, name, 1)
			x.Add(t, "test.said", "person:ada", "owner", struct{}{}, func(s *format.Statement) { s.Previous = s.Subject })
			return x
		}, []string{"statement 2", "it follows"}},
		"one of another ledger": {func(t *testing.T) *ledgertest.Chain {
			x := chain(t, "acme/other:oarlock-state", 1)
			x.Ref = chain(t, name, 0).Ref
			return x
		}, []string{"statement 1", "acme/other:oarlock-state"}},
		"what is no statement": {func(t *testing.T) *ledgertest.Chain {
			x := chain(t, name, 1)
			m := plugin("acme/hello", "1.0.0", "")
			x.Entries[0].Manifest = encode(t, m)
			x.Entries[0].Descriptor.Digest, x.Entries[0].Descriptor.Size = digest.FromBytes(x.Entries[0].Manifest), int64(len(x.Entries[0].Manifest))
			return x
		}, []string{"no statement", artifact.TypePlugin}},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, registrytest.New(t, registrytest.InMemory()))
			text := c.refused(c.ledger(row.make(t)), http.StatusBadRequest, "MANIFEST_INVALID")
			for _, part := range row.want {
				if !strings.Contains(text, part) {
					t.Errorf("the refusal does not say %q: %s", part, text)
				}
			}
			c.want(c.get("acme/hello", "manifests", artifact.StateTag), http.StatusNotFound)
		})
	}
	t.Run("a statement that is not there", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, registrytest.New(t, registrytest.InMemory()))
		x := chain(t, name, 2)
		c.refused(c.raw("acme/hello", artifact.StateTag, ocispec.MediaTypeImageIndex, x.Index(t)), http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN")
	})
}

func TestTheLedgersOfPublishersHoldNothingElse_B4(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.InMemory())
	inside := &client{t: t, url: "http://registry", do: (&http.Client{Transport: s.ProcessTransport()}).Do}
	for says, c := range map[string]*client{"from outside": newClient(t, s), "the process itself": inside} {
		const repo = format.PublishersRepository
		c.blob(repo, emptyConfig)
		loose, _ := c.put(repo, "", image(nil))
		text := c.refused(loose, http.StatusBadRequest, "MANIFEST_INVALID")
		if !strings.Contains(text, "statements of ledgers and nothing else") {
			t.Errorf("%s: the refusal says %s", says, text)
		}
		for _, tag := range []string{"1.0.0", "Acme", "sha256-" + strings.Repeat("a", 64)} {
			a := c.raw(repo, tag, ocispec.MediaTypeImageIndex, chain(t, "oarlock/publishers:acme", 1).Index(t))
			c.refused(a, http.StatusBadRequest, "TAG_INVALID")
		}
	}
	inside.want(inside.ledger(chain(t, "oarlock/publishers:acme", 1)), http.StatusCreated)
	two := chain(t, "oarlock/publishers:acme", 2)
	two.Entries = two.Entries[1:]
	if a := inside.ledger(two); a.status != http.StatusConflict {
		t.Errorf("the process forked a ledger: status %d: %s", a.status, a.body)
	}
}

// judgeFunc is a registry.LedgerVerifier.
type verifyFunc func(format.Ref, *format.List) error

func (f verifyFunc) VerifyLedger(_ context.Context, ref format.Ref, l *format.List) error {
	return f(ref, l)
}

func TestTheJudgeOfLedgersDecidesAndNotKnowingRefuses_E1(t *testing.T) {
	t.Parallel()
	var verdict error
	s := registrytest.New(t, registrytest.InMemory(), registrytest.With(func(o *registrytest.Options) {
		o.Ledgers = verifyFunc(func(ref format.Ref, l *format.List) error {
			if ref.String() != "acme/hello:oarlock-state" || len(l.Statements) != 1 {
				t.Errorf("asked about %s with %d statements", ref, len(l.Statements))
			}
			return verdict
		})
	}))
	c := newClient(t, s)
	x := chain(t, "acme/hello:oarlock-state", 1)
	verdict = fmt.Errorf("statement 1 is forged: %w", artifact.ErrUnverified)
	if text := c.refused(c.ledger(x), http.StatusForbidden, "DENIED"); !strings.Contains(text, "forged") {
		t.Errorf("the refusal does not say why: %s", text)
	}
	verdict = errors.New("the disk is gone")
	c.refused(c.ledger(x), http.StatusServiceUnavailable, "UNAVAILABLE")
	verdict = nil
	c.want(c.ledger(x), http.StatusCreated)
}

// Of many that append to the same head one wins, in one process and in two
// that share the storage.
func TestOfManyWhoAppendAtOnceOneWins_E1(t *testing.T) {
	t.Parallel()
	dir, locker := t.TempDir(), storage.NewLocker()
	shared := registrytest.With(func(o *registrytest.Options) { o.Dir, o.Replicated, o.Locker = dir, true, locker })
	clients := []*client{newClient(t, registrytest.New(t, shared)), newClient(t, registrytest.New(t, shared))}
	for _, name := range ledgerNames {
		base := chain(t, name, 1)
		clients[0].want(clients[0].ledger(base), http.StatusCreated)
		const each = 4
		status := make([]int, each*len(clients))
		var all sync.WaitGroup
		for i := range status {
			x := base.Clone()
			x.Add(t, "test.said", fmt.Sprintf("person:%d", i), "owner", struct{}{}, nil)
			all.Go(func() { status[i] = clients[i%len(clients)].ledger(x).status })
		}
		all.Wait()
		won := 0
		for _, got := range status {
			switch got {
			case http.StatusCreated:
				won++
			case http.StatusConflict:
			default:
				t.Errorf("%s: status %d", name, got)
			}
		}
		if won != 1 {
			t.Errorf("%s: %d of %d won", name, won, len(status))
		}
	}
}
