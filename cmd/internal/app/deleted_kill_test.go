package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/lifecycle"
	"github.com/oarlock/oarlock/registry/remote"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// deletingUntil has the process die at a step of a deletion such as "before erase".
func deletingUntil(at string) func(*lifecycle.Options) {
	return func(o *lifecycle.Options) {
		d := dying{nil, o.Ledger, at}
		o.Ledger = d
		erase := o.Erase
		o.Erase = func(ctx context.Context, repository string) error {
			d.step("before erase")
			defer d.step("after erase")
			return erase(ctx, repository)
		}
	}
}

// A deletionWorld is a data directory with acme/hello, of many versions, and its owner.
type deletionWorld struct {
	t            *testing.T
	data, trust  string
	admin, owner string
	tags         int
	manifest     []byte // of 1.0.0
}

func openDeletionWorld(t *testing.T, versions ...string) *deletionWorld {
	t.Helper()
	c := configured(t)
	c.Dev, c.Trust = false, everybodyListed(t)
	var notice bytes.Buffer
	s, stop := startWith(t, c, &notice)
	w := &deletionWorld{t: t, data: c.Data, trust: c.Trust, admin: tokenText.FindString(notice.String())}
	w.owner = accountOf(t, s, w.admin, "eve")
	ask[any](t, s, w.owner, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	for _, v := range versions {
		publish(t, s, w.owner, `{"id": "acme/hello", "version": "`+v+`", "engines": {"acme-editor": "*"}}`)
	}
	status, manifest := answered(t, w.owner, "GET", s.URL()+"/v2/acme/hello/manifests/"+versions[0], nil)
	if w.manifest = manifest; status != http.StatusOK {
		t.Fatalf("%d %s", status, manifest)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	w.tags = w.stored()
	return w
}

// stored is how many tags the repository has on the disk.
func (w *deletionWorld) stored() int {
	w.t.Helper()
	return len(must(filepath.Glob(filepath.Join(w.data, "registry", driver.TagsDir("acme/hello"), "*", "current", "link"))))
}

// ready starts the server and waits until it is.
func (w *deletionWorld) ready(env ...string) *process {
	w.t.Helper()
	p := spawn(w.t, w.data, append(env, childTrust+"="+w.trust)...)
	for status := 0; status != http.StatusOK; {
		status, _ = answered(w.t, "", "GET", p.url+"/readyz", nil)
	}
	return p
}

// whole wants the plugin as if nobody had asked to delete it.
func (w *deletionWorld) whole(p *process) {
	w.t.Helper()
	if status, body := answered(w.t, "", "GET", p.url+"/api/v1/plugins/acme/hello", nil); status != http.StatusOK || strings.Contains(string(body), "deleted") {
		w.t.Errorf("it began: %d %s", status, body)
	}
	for _, reference := range []string{"1.0.0", digest.FromBytes(w.manifest).String()} {
		if status := pulled(w.t, p.url, "acme/hello", reference); status != http.StatusOK {
			w.t.Errorf("it began: pull of %.20s: %d", reference, status)
		}
	}
	if got := w.stored(); got != w.tags {
		w.t.Errorf("it began: %d tags of %d", got, w.tags)
	}
}

// finished wants nothing left but the name, the ledger and the tombstone, and no way
// back for any version.
func (w *deletionWorld) finished(p *process) {
	w.t.Helper()
	t := w.t
	status, body := answered(t, "", "GET", p.url+"/api/v1/plugins/acme/hello", nil)
	if status != http.StatusGone || !strings.Contains(string(body), index.CodePluginDeleted) || !strings.Contains(string(body), "legal") {
		t.Errorf("its tombstone: %d %s", status, body)
	}
	own := digest.FromBytes(w.manifest).String()
	for _, reference := range []string{"1.0.0", own} {
		if status := pulled(t, p.url, "acme/hello", reference); status != http.StatusNotFound {
			t.Errorf("pull of %.20s: %d", reference, status)
		}
	}
	var history index.LedgerPage
	status, body = answered(t, w.owner, "GET", p.url+"/api/v1/plugins/acme/hello/history", nil)
	if err := json.Unmarshal(body, &history); err != nil || status != http.StatusOK || len(history.Items) != 1 || history.Items[0].Kind != "plugin.deleted" {
		t.Errorf("its ledger: %d %s", status, body)
	}
	for _, reference := range []string{"1.0.0", own} {
		err := w.put(p, reference)
		if err == nil || !strings.Contains(err.Error(), "deleted") {
			t.Errorf("a push of %.20s: %v", reference, err)
		}
	}
	for began := time.Now(); w.stored() != 1; { // the ledger's
		if time.Since(began) > time.Minute {
			t.Fatalf("%d tags are left", w.stored())
		}
		if status, _ := answered(t, "", "GET", p.url+"/readyz", nil); status != http.StatusOK {
			t.Fatalf("readyz: %d", status)
		}
	}
}

// put sends the manifest of 1.0.0 again, whose blobs are there still.
func (w *deletionWorld) put(p *process, reference string) error {
	host := strings.TrimPrefix(p.url, "http://")
	own := orasauth.Credential{Username: "x", Password: w.owner}
	r, _, err := remote.Open(host+"/acme/hello", remote.Options{HTTPClient: visitor, Credential: orasauth.StaticCredential(host, own)})
	if err != nil {
		return err
	}
	d := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(w.manifest), Size: int64(len(w.manifest))}
	return r.Manifests().PushReference(w.t.Context(), d, bytes.NewReader(w.manifest), reference)
}

// leaves are how many the publication log has.
func (w *deletionWorld) leaves(p *process) (n int64) {
	w.t.Helper()
	status, body := answered(w.t, "", "GET", p.url+"/api/v1/log", nil)
	var log struct{ Size int64 }
	if err := json.Unmarshal(body, &log); err != nil || status != http.StatusOK {
		w.t.Fatalf("log: %d %s", status, body)
	}
	return log.Size
}

// Proves E4 and K6: whoever kills the server between two steps of a deletion finds it
// finished or not begun, and never half: before the statement nothing changed, and it can
// be asked for again; after it the next start takes away what is left.
func TestKilledWithinADeletion_E4_K6(t *testing.T) {
	t.Parallel()
	for at, begun := range map[string]bool{"before append": false, "after append": true, "before erase": true, "after erase": true} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			w := openDeletionWorld(t, "1.0.0", "1.1.0")
			p := w.ready(childDies + "=" + at)
			leaves := w.leaves(p)
			w.dies(p)
			p = w.ready()
			if !begun {
				w.whole(p)
				if status, body := answered(t, w.owner, "DELETE", p.url+"/api/v1/plugins/acme/hello?reason=legal", nil); status != http.StatusOK {
					t.Fatalf("again: %d %s", status, body)
				}
			}
			w.finished(p)
			p.kill()
			p = w.ready() // and so it stays
			w.finished(p)
			if got := w.leaves(p); got < leaves {
				t.Errorf("the log had %d leaves and has %d", leaves, got)
			}
		})
	}
}

// dies asks for the deletion, of which there is no answer.
func (w *deletionWorld) dies(p *process) {
	w.t.Helper()
	r := must(http.NewRequestWithContext(w.t.Context(), "DELETE", p.url+"/api/v1/plugins/acme/hello?reason=legal", nil))
	r.Header.Set("Authorization", "Bearer "+w.owner)
	if resp, err := visitor.Do(r); err == nil {
		resp.Body.Close()
		w.t.Errorf("it was answered with %d", resp.StatusCode)
	}
	_ = p.Wait()
}

// Proves E4 and K6: a server that is killed while the tags of a deleted plugin go, some
// of them gone and some not, gives none of them away when it starts, and goes on.
func TestKilledWhileTheTagsGo_E4_K6(t *testing.T) {
	t.Parallel()
	versions := make([]string, 40)
	for i := range versions {
		versions[i] = fmt.Sprintf("1.%d.0", i)
	}
	w := openDeletionWorld(t, versions...)
	p := w.ready()
	answer, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for waits := true; waits && w.stored() > w.tags-3; {
			select {
			case <-answer:
				waits = false
			default:
			}
		}
		_ = p.Process.Kill()
	}()
	r := must(http.NewRequestWithContext(t.Context(), "DELETE", p.url+"/api/v1/plugins/acme/hello?reason=legal", nil))
	r.Header.Set("Authorization", "Bearer "+w.owner)
	if resp, err := visitor.Do(r); err == nil {
		resp.Body.Close()
		t.Logf("it was answered with %d before the kill", resp.StatusCode)
	}
	close(answer)
	<-over
	p.kill()
	t.Logf("%d of %d tags were left", w.stored(), w.tags)
	w.finished(w.ready())
}
