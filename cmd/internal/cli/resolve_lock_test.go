package cli

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
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
		"a store's lock":          {`{"format":1,"host":{"id":"x"},"platform":"linux/amd64","plugins":[{"id":"acme/ab"}],"resolved":[{"id":"acme/ab","digest":"` + d + `"}]}`, true},
		"a lock with more":        {`{"resolved":[],"name":"x"}`, false},
		"a later format":          {`{"resolved":[],"format":2}`, false},
		"one plugin twice":        {`{"resolved":[{"id":"acme/ab","digest":"` + d + `"},{"id":"acme/ab","digest":"` + d + `"}]}`, false},
		"wants what it lacks":     {`{"format":1,"plugins":[{"id":"acme/ab"}],"resolved":[]}`, false},
		"a range that is none":    {`{"format":1,"plugins":[{"id":"acme/ab","range":">>1"}],"resolved":[{"id":"acme/ab","digest":"` + d + `"}]}`, false},
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
