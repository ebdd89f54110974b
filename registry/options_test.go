package registry

import (
	"testing"
)

func TestPrefixesTakesTheLongest(t *testing.T) {
	t.Parallel()
	of := Prefixes(map[string]Settings{"free": {FreeTags: true}, "free/not": {}})
	for repo, want := range map[string]bool{"free": true, "free/a/b": true, "free/not/x": false, "freedom/x": false, "other": false} {
		if got := of(repo).FreeTags; got != want {
			t.Errorf("%s: %t, want %t", repo, got, want)
		}
	}
}
