package registry

import (
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

func TestOldUploadsArePurged(t *testing.T) {
	t.Parallel()
	now := time.Now()
	at := inMemory()
	at.Now = func() time.Time { return now }
	g := opened(t, at, Options{Guards: AdmitAllUnsafe(), UploadAge: time.Hour})
	d := digest.FromString("done").String()
	session := do(t, g, "POST", "/v2/acme/hello/blobs/uploads/", "").Header().Get("Location")
	do(t, g, "POST", "/v2/acme/hello/blobs/uploads/?digest="+d, "done")
	if n, err := g.PurgeUploads(t.Context()); n != 0 || err != nil {
		t.Errorf("%d young uploads purged, %v", n, err)
	}
	now = now.Add(2 * time.Hour)
	if n, err := g.PurgeUploads(t.Context()); n != 1 || err != nil {
		t.Errorf("%d old uploads purged, want 1, %v", n, err)
	}
	if w := do(t, g, "GET", session, ""); w.Code != 404 {
		t.Errorf("the purged upload answers %d", w.Code)
	}
	if w := do(t, g, "GET", "/v2/acme/hello/blobs/"+d, ""); w.Code != 200 {
		t.Errorf("a finished blob answers %d after the purge", w.Code)
	}
}
