package registry

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/integrity"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// full is a driver with room for a number of bytes more; then it fails as a
// full disk does.
type full struct {
	storagedriver.StorageDriver
	room atomic.Int64
	says error // instead of "no space left on device"
}

func (f *full) take(n int) error {
	if f.room.Add(-int64(n)) < 0 && f.says != nil {
		return storagedriver.Error{DriverName: "full", Detail: &fs.PathError{Op: "open", Path: "data", Err: f.says}}
	}
	if f.room.Load() < 0 {
		return storagedriver.Error{DriverName: "full", Detail: &fs.PathError{Op: "write", Path: "data", Err: syscall.ENOSPC}}
	}
	return nil
}

func (f *full) PutContent(ctx context.Context, path string, content []byte) error {
	if err := f.take(len(content)); err != nil {
		return err
	}
	return f.StorageDriver.PutContent(ctx, path, content)
}

func (f *full) Writer(ctx context.Context, path string, appends bool) (storagedriver.FileWriter, error) {
	w, err := f.StorageDriver.Writer(ctx, path, appends)
	return &fullWriter{w, f}, err
}

type fullWriter struct {
	storagedriver.FileWriter
	f *full
}

func (w *fullWriter) Write(p []byte) (int, error) {
	if err := w.f.take(len(p)); err != nil {
		return 0, err
	}
	return w.FileWriter.Write(p)
}

// Proves B2: a server out of file descriptors says so, and that the same may be
// tried again; it is no fault of nobody knows what.
func TestTooManyOpenFilesIsA503_B2(t *testing.T) {
	t.Parallel()
	for _, says := range []error{syscall.EMFILE, syscall.ENFILE} {
		g := opened(t, inMemory(), Options{Guards: AdmitAllUnsafe()})
		f := &full{StorageDriver: g.driver.StorageDriver, says: says}
		g.driver.StorageDriver = f
		push := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			g.ServeHTTP(w, httptest.NewRequest("POST", "/v2/acme/hello/blobs/uploads/?digest="+digest.FromString("hello").String(), strings.NewReader("hello")))
			return w
		}
		if w := push(); w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "too many files open") {
			t.Errorf("%v: %d %v %s", says, w.Code, w.Header(), w.Body)
		}
		f.room.Store(1 << 20)
		if w := push(); w.Code != 201 {
			t.Errorf("%v, again: %d %s", says, w.Code, w.Body)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestFullStorageIsA507AndCorruptsNothing(t *testing.T) {
	t.Parallel()
	g := opened(t, inMemory(), Options{Guards: AdmitAllUnsafe(), Namespaces: func(string) Settings { return Settings{FreeTags: true} }})
	f := &full{StorageDriver: g.driver.StorageDriver}
	f.room.Store(1 << 40)
	g.driver.StorageDriver = f
	send := func(method, path, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		g.ServeHTTP(w, r)
		return w
	}
	blob := func(content string) *httptest.ResponseRecorder {
		return send("POST", "/v2/acme/hello/blobs/uploads/?digest="+digest.FromString(content).String(), content)
	}
	if w := blob("{}"); w.Code != http.StatusCreated {
		t.Fatal(w.Code, w.Body)
	}
	manifest := func(n int) string {
		return fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2},"layers":[],"annotations":{"n":"%d"},"subject":{"mediaType":"a/b","digest":"sha256:%064d","size":1}}`, digest.FromString("{}"), n, 7)
	}
	refused := 0
	for room := range int64(2000) {
		if room%50 != 0 { // every point at which the room may end, coarsely
			continue
		}
		f.room.Store(room)
		w := send("PUT", "/v2/acme/hello/manifests/one", manifest(int(room)))
		f.room.Store(1 << 40)
		switch w.Code {
		case http.StatusCreated:
		case http.StatusInsufficientStorage:
			refused++
			if !strings.Contains(w.Body.String(), "storage is full") {
				t.Errorf("room %d: the reason is not told: %s", room, w.Body)
			}
		default:
			t.Errorf("room %d: status %d: %s", room, w.Code, w.Body)
		}
		if w := send("PUT", "/v2/acme/hello/manifests/one", manifest(int(room))); w.Code != http.StatusCreated {
			t.Errorf("room %d: the same push, with room again: %d: %s", room, w.Code, w.Body)
		}
	}
	if refused == 0 {
		t.Error("no push ran out of room")
	}
	large := strings.Repeat("x", 1<<20)
	f.room.Store(100 << 10)
	w := blob(large)
	f.room.Store(1 << 40)
	if w.Code != http.StatusInsufficientStorage {
		t.Errorf("a blob without room: status %d: %s", w.Code, w.Body)
	}
	if w := send("GET", "/v2/acme/hello/blobs/"+digest.FromString(large).String(), ""); w.Code != http.StatusNotFound {
		t.Errorf("the blob that had no room: status %d", w.Code)
	}
	if err := integrity.New(g.storage, nil).Fsck(t.Context(), func(d driver.Damage) { t.Errorf("damage: %v", &d) }); err != nil {
		t.Fatal(err)
	}
}
