package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/trust"
)

// ledgerSigners reads which keys the ledgers of publishers establish, each
// once, for a policy that counts them.
type ledgerSigners struct {
	console *console
	who     *trust.Policy
	mu      sync.Mutex
	read    map[string]*policy.LedgerKeys // by the reference of the ledger
}

func (c *console) ledgerSigners(who *trust.Policy) *ledgerSigners {
	return &ledgerSigners{console: c, who: who, read: map[string]*policy.LedgerKeys{}}
}

// of reads the ledger of a publisher beside one of its repositories, such as
// mirror.example.org/folder/acme/hello. It is nil where the policy counts no
// ledger. Whatever keeps the ledger from being known to hold is its Problem.
func (l *ledgerSigners) of(ctx context.Context, repository, publisher string) *policy.LedgerKeys {
	if ns := l.who.For(publisher); ns == nil || !ns.LedgerKeys {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at, err := ledgerBeside(repository, publisher)
	if known, ok := l.read[at]; ok && err == nil {
		return known
	}
	var keys *policy.LedgerKeys
	if err == nil {
		keys, err = l.keys(ctx, at, publisher)
	}
	if err != nil {
		keys = &policy.LedgerKeys{Problem: &policy.Finding{Code: policy.CodeUnreadable, Judge: "ledger",
			Detail: fmt.Sprintf("the trust policy counts the keys of the ledger of %s, and it could not be told which they are: %s", publisher, err)}}
	}
	if ctx.Err() == nil {
		l.read[at] = keys
	}
	return keys
}

// ledgerBeside is where the registry, or the folder of a mirror, that has a
// repository has the ledger of its publisher.
func ledgerBeside(repository, publisher string) (string, error) {
	parts := strings.Split(repository, "/")
	ref, err := format.OfPublisher(publisher)
	if err == nil && (len(parts) < 3 || parts[len(parts)-2] != publisher) {
		err = fmt.Errorf("%q is no repository of %s in a registry: %w", repository, publisher, artifact.ErrInvalid)
	}
	if err != nil {
		return "", err
	}
	return strings.Join(parts[:len(parts)-2], "/") + "/" + ref.String(), nil
}

// keys judges the ledger at a reference by the platforms of the policy and by
// what this machine remembers of it, and remembers it where it holds.
func (l *ledgerSigners) keys(ctx context.Context, at, publisher string) (*policy.LedgerKeys, error) {
	ref, err := format.OfPublisher(publisher)
	if err != nil {
		return nil, err
	}
	platforms := l.who.Platforms()
	if len(platforms) == 0 {
		return nil, errors.New("the policy names no platforms: whose ledgers hold (oarlock ledger keys prints the key of a server)")
	}
	judge, err := ledger.New(ledger.Options{Platforms: platforms})
	if err != nil {
		return nil, err
	}
	m := l.console.ledgerMemory(ref, platforms)
	known, err := m.head()
	if err != nil {
		return nil, err
	}
	subject, reader, err := l.console.signatures(at).Evidence(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	got := judge.ReadAt(ctx, ref, subject.Digest, reader, known)
	keys := got.SigningKeys(got.State)
	if keys.Problem != nil {
		keys.Keys = nil // this machine remembers how far it went, and not what it said
		return keys, nil
	}
	if got.State.Head == known {
		return keys, nil
	}
	return keys, m.remember(got.State.Head.String())
}
