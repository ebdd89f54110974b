package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Proves D2: a file that is no lock file is an error, and stays as it is.
func TestForeignFilesAreNoLocks_D2(t *testing.T) {
	t.Parallel()
	d := digest.FromString("a").String()
	for name, row := range map[string]struct {
		content string
		ok      bool
	}{
		"a lock":                  {`{"resolved":[{"id":"acme/ab","version":"1.0.0","digest":"` + d + `"}]}`, true},
		"an empty lock":           {`{"resolved":[]}`, true},
		"a package.json":          {`{"name":"x","dependencies":{}}`, false},
		"an empty object":         {`{}`, false},
		"a list":                  {`[]`, false},
		"an empty file":           {``, false},
		"text":                    {`hello`, false},
		"a lock with more":        {`{"resolved":[],"format":1}`, false},
		"a lock twice":            {`{"resolved":[]}{"resolved":[]}`, false},
		"a digest that is none":   {`{"resolved":[{"id":"acme/ab","digest":"x"}]}`, false},
		"a plugin that is none":   {`{"resolved":[{"id":"a","digest":"` + d + `"}]}`, false},
		"another tool's lockfile": {`{"lockfileVersion":3,"packages":{}}`, false},
	} {
		path := filepath.Join(t.TempDir(), "lock.json")
		if err := os.WriteFile(path, []byte(row.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readLock(path, false); (err == nil) != row.ok || err != nil && !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readLock(filepath.Join(t.TempDir(), "none"), true); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("a frozen lock that is not there: %v", err)
	}
}

type whyOf map[string][]digest.Digest

func (w whyOf) Why(_ context.Context, id artifact.Name, _ index.Query) (*index.Why, error) {
	all, ok := w[id.String()]
	if !ok {
		return nil, artifact.ErrNotFound
	}
	out := &index.Why{}
	for _, d := range all {
		out.Versions = append(out.Versions, index.WhyVersion{Digest: d})
	}
	return out, nil
}

// Proves D2: what the lock held and the answer does not is named.
func TestLockChangesAreNamed_D2(t *testing.T) {
	t.Parallel()
	d := func(s string) digest.Digest { return digest.FromString(s) }
	was := lockFile{Resolved: []index.Resolved{{ID: "acme/same", Version: "1.0.0", Digest: d("same")}, {ID: "acme/gone", Version: "1.0.0", Digest: d("gone")},
		{ID: "acme/moved", Version: "1.0.0", Digest: d("moved")}, {ID: "acme/idle", Version: "1.0.0", Digest: d("idle")}, {ID: "acme/nil", Version: "1.0.0", Digest: d("nil")}}}
	now := &index.Resolution{Resolved: []index.Resolved{{ID: "acme/same", Version: "1.0.0", Digest: d("same")}, {ID: "acme/gone", Version: "1.1.0", Digest: d("next")},
		{ID: "acme/moved", Version: "2.0.0", Digest: d("two")}, {ID: "acme/new", Version: "1.0.0", Digest: d("new")}}}
	there := whyOf{"acme/same": {d("same")}, "acme/gone": {d("next")}, "acme/moved": {d("two"), d("moved")}, "acme/idle": {d("idle")}}
	for frozen, want := range map[bool][]string{
		false: {"acme/gone gone", "acme/moved moved", "acme/idle dropped", "acme/nil gone"},
		true:  {"acme/gone gone", "acme/moved moved", "acme/idle dropped", "acme/nil gone", "acme/new added"},
	} {
		changed, err := was.changes(t.Context(), there, now, index.Query{}, frozen)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range changed {
			got = append(got, c.ID+" "+c.Reason)
		}
		if !slices.Equal(got, want) {
			t.Errorf("frozen %v: %q, expected %q", frozen, got, want)
		}
		if err := frozenError("lock.json", changed); !errors.Is(err, artifact.ErrConflict) || !strings.Contains(err.Error(), "acme/gone 1.0.0") {
			t.Error(err)
		}
	}
}
