package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy/ledger/ledgertest"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// A shelf is one where some tags are lost, and that counts what is read.
type shelf struct {
	statements.Shelf
	lost  []string
	fails error
	read  int
}

func (s *shelf) Tags(ctx context.Context, repo string, fn func(string, digest.Digest) error) error {
	return s.Shelf.Tags(ctx, repo, func(tag string, d digest.Digest) error {
		if slices.Contains(s.lost, tag) {
			return nil
		}
		return fn(tag, d)
	})
}

func (s *shelf) Manifest(ctx context.Context, repo string, d digest.Digest) (string, []byte, error) {
	s.read++
	if s.fails != nil {
		return "", nil, s.fails
	}
	return s.Shelf.Manifest(ctx, repo, d)
}

// Proves E1: the ledgers of publishers that lost their tags are found among all that
// their repository holds, each the longest, by reading little of those that have one;
// and what could not be read is told, and looked for again.
func TestLedgersOfPublishersThatLostTheirTagsAreFound_E1(t *testing.T) {
	t.Parallel()
	x := newSite(t, registrytest.New(t, registrytest.InMemory()), ledgertest.NewKey(t, "site"))
	for _, publisher := range []string{"acme", "globex", "initech"} {
		name := format.PublishersRepository + ":" + publisher
		x.must(x.say(name, format.PublisherClaimed, "person:ada", format.Claimed{Owner: "person:ada"}))
		for n := range 20 {
			x.must(x.say(name, format.MemberSet, "person:ada", format.Member{Principal: fmt.Sprintf("person:%d", n), Role: "reader"}))
		}
	}
	s := &shelf{Shelf: x.store.s.Storage, lost: []string{"globex"}, fails: errors.New("the disk is slow")}
	var u statements.Untagged
	if names, err := u.Publishers(t.Context(), s); !errors.Is(err, s.fails) {
		t.Fatalf("%q: %v", names, err)
	}
	s.fails, s.read = nil, 0
	if names, err := u.Publishers(t.Context(), s); err != nil || !slices.Equal(names, []string{"globex"}) {
		t.Fatalf("%q: %v", names, err)
	}
	// two lists that have tags; of the third its statements, its lists and their first statement
	if most := 2 + 21 + 2*21; s.read > most {
		t.Errorf("%d manifests were read, expected at most %d", s.read, most)
	}
	for publisher, many := range map[string]int{"globex": 21, "acme": 0, "nobody": 0} {
		ref, err := format.OfPublisher(publisher)
		if err != nil {
			t.Fatal(err)
		}
		err = u.Lost(t.Context(), s, ref, func(ctx context.Context, list *format.List) int {
			return x.judge.Judge(ctx, ref, list, x.store.Reader(ref.Repository()), format.Head{}).State.Head.Sequence
		})
		lost, is := errors.AsType[*statements.LostError](err)
		if is != (many > 0) || is && (lost.Statements != many || !errors.Is(err, artifact.ErrUnverified)) || !is && err != nil {
			t.Errorf("%s: %v", publisher, err)
		}
	}
}
