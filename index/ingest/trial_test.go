package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/policy"
)

// swapped trusts evil where annotationVerifier trusts good.
type swapped struct{}

func (swapped) Digest() digest.Digest { return digest.FromString("swapped") }

func (swapped) Attestations(context.Context, policy.Subject, policy.Reader) (policy.Attestations, error) {
	return policy.Attestations{}, nil
}

func (swapped) CountsLedger(string) bool { return false }

func (swapped) Signature(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Signature, error) {
	d, err := r.Tag(ctx, artifact.DigestTag(s.Digest, "sig"))
	unsigned := policy.Signature{Status: policy.Unsigned, Vote: policy.Finding{Code: policy.CodeUnsigned, Outcome: policy.Deny}}
	if errors.Is(err, artifact.ErrNotFound) {
		return unsigned, nil
	}
	_, raw, err := r.Manifest(ctx, d)
	if err != nil {
		return policy.Signature{Vote: policy.Finding{Code: policy.CodeUnreadable, Detail: err.Error()}}, ctx.Err()
	}
	m, err := artifact.ParseManifest("", raw)
	if err != nil {
		return policy.Signature{}, err
	}
	switch signer := m.Annotations["signer"]; signer {
	case "evil", "good and evil":
		return policy.Signature{Status: policy.Verified, Signer: signer, Vote: policy.Finding{Code: policy.CodeVerified, Outcome: policy.Allow}}, nil
	}
	return policy.Signature{Status: policy.Unverified, Vote: policy.Finding{Code: policy.CodeUnverified, Outcome: policy.Deny}}, nil
}

func tryAll(t testing.TB, in *ingest.Ingester, judge ingest.Verifier) (map[string]ingest.ChangeKind, ingest.Trial) {
	t.Helper()
	changes := map[string]ingest.ChangeKind{}
	sum, err := in.Try(t.Context(), judge, func(c ingest.Change) error {
		changes[c.ID.String()+" "+c.Version.String()] = c.Kind
		return nil
	}, func(ingest.Trial) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return changes, sum
}

func TestATrialSaysWhatAPolicyWouldChange_G3(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.sign("acme/lost", m.publish("acme/lost", "1.0.0"), "good", true)
	m.sign("acme/won", m.publish("acme/won", "1.0.0"), "evil", true)
	m.publish("acme/unsigned", "1.0.0")
	in, live := run(t, m, nil)
	before := live.Current()
	changes, sum := tryAll(t, in, swapped{})
	want := map[string]ingest.ChangeKind{"acme/lost 1.0.0": ingest.NewlyPending, "acme/won 1.0.0": ingest.NewlyListed}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ingest.Trial{Plugins: 3, Versions: 3, ListedBefore: 1, ListedAfter: 1,
		Changes: map[ingest.ChangeKind]int{ingest.NewlyPending: 1, ingest.NewlyListed: 1}}, sum); diff != "" {
		t.Errorf("sum (-want +got):\n%s", diff)
	}
	if live.Current() != before {
		t.Error("the catalog changed")
	}
	if changes, _ := tryAll(t, in, annotationVerifier{}); len(changes) != 0 {
		t.Errorf("the policy in force changes %v", changes)
	}
}

func TestATrialLeavesDevOut(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.sign("acme/lost", m.publish("acme/lost", "1.0.0"), "good", true)
	m.publish("acme/unsigned", "1.0.0")
	in, _ := run(t, m, func(o *ingest.Options) { o.ListDeniedUnsafe = true })
	changes, sum := tryAll(t, in, swapped{})
	if diff := cmp.Diff(map[string]ingest.ChangeKind{"acme/lost 1.0.0": ingest.NewlyPending}, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if sum.ListedBefore != 1 || sum.ListedAfter != 0 {
		t.Errorf("got %+v", sum)
	}
}

// What cannot be read is told apart from what is known, and is no listing.
func TestATrialTellsWhatItCouldNotRead_G3(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.publish("acme/gone", "1.0.0")
	sig := m.sign("acme/hello", m.publish("acme/hello", "1.0.0"), "good and evil", true)
	in, _ := run(t, m, nil)
	m.fault("tags acme/gone", errDisk)
	m.fault(sig.String(), errDisk)
	changes, sum := tryAll(t, in, swapped{})
	if diff := cmp.Diff([]string{"acme/gone"}, sum.Failed); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	if len(changes) != 0 || sum.ListedAfter != 0 || sum.Versions != 1 {
		t.Errorf("got %v, %+v", changes, sum)
	}
}

func TestATrialOfManyVersionsIsToldAsItGoesAndEndsWhenAsked_G3(t *testing.T) {
	t.Parallel()
	const plugins, versions = 400, 5
	m := newMemory()
	for p := range plugins {
		for v := range versions {
			repo := fmt.Sprintf("acme/p%d", p)
			m.sign(repo, m.publish(repo, fmt.Sprintf("1.%d.0", v)), "good", true)
		}
	}
	in, _ := run(t, m, nil)
	told, calls := 0, 0
	sum, err := in.Try(t.Context(), swapped{}, func(c ingest.Change) error { told++; return nil }, func(s ingest.Trial) error {
		if calls++; s.Changes[ingest.NewlyPending] != told {
			t.Errorf("progress says %d, %d were told", s.Changes[ingest.NewlyPending], told)
		}
		return nil
	})
	if err != nil || sum.Versions != plugins*versions || told != plugins*versions || calls < 6 {
		t.Errorf("%d versions, %d told, progress %d times, %v", sum.Versions, told, calls, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	sum, err = in.Try(ctx, swapped{}, func(ingest.Change) error { stop(); return nil }, func(ingest.Trial) error { return nil })
	if !errors.Is(err, context.Canceled) || sum.Plugins == plugins {
		t.Errorf("after %d plugins: %v", sum.Plugins, err)
	}
	gone := errors.New("reader is gone")
	if _, err := in.Try(t.Context(), swapped{}, func(ingest.Change) error { return gone }, nil); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}
