package signed

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// TestTwoPublishersShareNoNumberAndNothingGoesBack_C7: two servers whose lock
// was lost, each with its own copy of the keys. The one that was stopped before
// it set the tag sets it no more, and signed no number of the other.
func TestTwoPublishersShareNoNumberAndNothingGoesBack_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.publish(snapshotOf(3, 1)) // which makes the keys' first numbers
	copied := t.TempDir()
	if err := os.CopyFS(copied+"/keys", os.DirFS(s.keysDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(copied+"/keys", 0o700); err != nil {
		t.Fatal(err)
	}
	replace := func(ctx context.Context, d ocispec.Descriptor, raw []byte, was digest.Digest) error {
		return s.registry.ReplaceAsProcess(ctx, Repository, Tag, d.MediaType, raw, was)
	}
	numbers := func(ctx context.Context, raise func([]byte) ([]byte, error)) error {
		return s.registry.Storage.SwapRecord(ctx, "numbers", raise)
	}
	there, free := make(chan int64, 1), make(chan struct{})
	t.Cleanup(func() { close(free) })
	hold := true
	slow := NewPublisher(PublisherOptions{Public: EverythingUnsafe, To: s.repo, Keys: s.keys, Now: s.now, Numbers: numbers,
		Replace: func(ctx context.Context, d ocispec.Descriptor, raw []byte, was digest.Digest) error {
			if hold {
				hold = false
				there <- 0
				<-free
			}
			return replace(ctx, d, raw, was)
		}})
	quick := NewPublisher(PublisherOptions{Public: EverythingUnsafe, To: s.repo, Keys: must(MakeKeys(copied+"/keys", KeyOptions{Now: s.now})), Now: s.now, Numbers: numbers, Replace: replace})
	older := must(s.live.Swap(snapshotOf(4, 1)))
	ended := make(chan error, 1)
	go func() {
		_, err := slow.Publish(context.WithoutCancel(t.Context()), older)
		ended <- err
	}()
	<-there
	newer := must(s.live.Swap(snapshotOf(5, 1)))
	second, err := quick.Publish(t.Context(), newer)
	if err != nil {
		t.Fatal(err)
	}
	free <- struct{}{}
	if err := <-ended; !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("the stale publication: %v", err)
	}
	if at := must(s.repo.Resolve(t.Context(), Tag)); at.Digest != second.Manifest {
		t.Errorf("the tag means %s, expected %s", at.Digest, second.Manifest)
	}
	third, err := slow.Publish(t.Context(), must(s.live.Swap(snapshotOf(6, 1))))
	if err != nil {
		t.Fatal(err)
	}
	// 1 was the first; the stale one took 2.
	if second.Timestamp != 3 || third.Timestamp != 4 {
		t.Errorf("timestamps %d and %d, expected 3 and 4", second.Timestamp, third.Timestamp)
	}
	if _, err := s.reader(s.pin(), ""); err != nil {
		t.Error(err)
	}
}
