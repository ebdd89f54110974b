package resolve_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/resolve"
)

func FuzzRequestsAreAnsweredOrRefused(f *testing.F) {
	f.Add([]byte(`{"plugins":[{"id":"acme/ant","range":"^1 || >=2"}],"locked":[{"id":"acme/lib","digest":"sha256:00"}]}`))
	f.Add([]byte(`{"plugins":[{"id":"acme/ant"},{"id":"acme/bee","range":"=1.0.0"}],"prerelease":true}`))
	w := worldOf(f, "acme/ant 2.0.0 needs acme/lib ^2\nacme/ant 1.0.0 needs acme/lib ^1\nacme/bee 1.0.0 needs acme/lib <2\nacme/lib 2.0.0-rc.1\nacme/lib 1.0.0")
	f.Fuzz(func(t *testing.T, raw []byte) {
		var q index.ResolveRequest
		if json.Unmarshal(raw, &q) != nil {
			return
		}
		r, err := resolve.ParseRequest(q)
		if err != nil {
			if !errors.Is(err, artifact.ErrInvalid) {
				t.Errorf("%s: %v", raw, err)
			}
			return
		}
		got, err := resolve.Resolve(t.Context(), w, r)
		if err == nil {
			if wrong := broken(w, r, got); wrong != "" {
				t.Errorf("%s: %s: %s", raw, said(got), wrong)
			}
		} else if !errors.Is(err, artifact.ErrConflict) {
			t.Errorf("%s: %v", raw, err)
		}
	})
}
