package app

import (
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"
)

// lookedAt records what was looked at again.
type lookedAt []string

func (l *lookedAt) Touch(repository string, _ ...digest.Digest) { *l = append(*l, repository) }
func (l *lookedAt) TouchAll()                                   { *l = append(*l, "all") }

// TestWhatIsWithheldBeforeAnybodyLooksIsNotLost_K6: storage and blocks may tell
// before there is who follows them.
func TestWhatIsWithheldBeforeAnybodyLooksIsNotLost_K6(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ before, after, want []string }{
		"nothing": {},
		"before":  {before: []string{"acme/a", "acme/a"}, want: []string{"acme/a"}},
		"after":   {after: []string{"acme/a", ""}, want: []string{"acme/a", "all"}},
		// What is withheld everywhere is compared with the checkpoint by who looks.
		"before, after": {before: []string{""}, after: []string{"acme/a"}, want: []string{"acme/a"}},
	} {
		w, seen := new(withheld), lookedAt(nil)
		for _, repository := range row.before {
			w.changed(repository)
		}
		w.tell(&seen)
		for _, repository := range row.after {
			w.changed(repository)
		}
		if !slices.Equal(seen, row.want) {
			t.Errorf("%s: looked at %q, want %q", name, seen, row.want)
		}
	}
}

// TestWhatIsOpenedIsClosedTheLastFirst: what stands on something goes before it.
func TestWhatIsOpenedIsClosedTheLastFirst(t *testing.T) {
	t.Parallel()
	var got []string
	held := new(closers)
	for _, name := range []string{"storage", "blocks", "registry"} {
		held.add(func() error { got = append(got, name); return nil })
	}
	for range 2 {
		if err := held.close(); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"registry", "blocks", "storage"}; !slices.Equal(got, want) {
		t.Errorf("closed %q, want %q", got, want)
	}
}
