package signed

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/client"
)

func TestHostAnswersFromTheArtifactAlone_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	done := s.publish(snapshotOf(40, 3))
	c, err := s.reader(s.pin(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Status(); got.Contents != done.Contents || !got.Expires.Equal(done.Expires) || got.CatalogDigest != s.live.Current().Snapshot.Digest() {
		t.Errorf("status %+v, published %+v", got, done)
	}
	ctx := t.Context()
	id := must(artifact.ParseName("acme-3/plugin-3"))
	page, err := c.Search(ctx, index.Query{Text: "plugin-3", Host: "acme-editor", HostVersion: "2"})
	if err != nil || page.Total == 0 || page.Items[0].ID != id.String() {
		t.Fatalf("search: %s, %v", asJSON(t, page), err)
	}
	if want := s.registry.Host + "/" + id.String() + "@"; !strings.HasPrefix(page.Items[0].Reference, want) {
		t.Errorf("reference %q, expected it to begin with %q", page.Items[0].Reference, want)
	}
	if d, err := c.Show(ctx, id, index.Query{}); err != nil || len(d.Versions) != 3 {
		t.Errorf("show: %s, %v", asJSON(t, d), err)
	}
	if v, err := c.Version(ctx, id, must(artifact.ParseVersion("1.1.0"))); err != nil || v.Version.Version != "1.1.0" {
		t.Errorf("version: %s, %v", asJSON(t, v), err)
	}
	why, err := c.Why(ctx, id, index.Query{Host: "acme-editor", HostVersion: "9"})
	if err != nil || why.Versions[0].Reasons[0].Code != index.ReasonHostVersion {
		t.Errorf("why: %s, %v", asJSON(t, why), err)
	}
	got, err := c.Resolve(ctx, index.ResolveRequest{Plugins: []index.Want{{ID: id.String(), Range: "^1"}}})
	if err != nil || len(got.Resolved) != 1 || got.Resolved[0].Version != "1.2.0" {
		t.Errorf("resolve: %s, %v", asJSON(t, got), err)
	}
	if _, err := c.Show(ctx, must(artifact.ParseName("acme/nobody")), index.Query{}); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("a plugin that is not there: %v", err)
	}
}

// counting counts the bytes of answers.
type counting struct {
	requests, bytes atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := web.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	c.requests.Add(1)
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(resp.Body, writes(func(n int) { c.bytes.Add(int64(n)) })), resp.Body}
	return resp, nil
}

type writes func(int)

func (w writes) Write(p []byte) (int, error) { w(len(p)); return len(p), nil }

// C7: whoever has a generation fetches little of the next.
func TestChangeOfOnePluginCostsItsReadersLittle_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	whole := snapshotOf(1000, 10)
	first := s.publish(whole)
	traffic := &counting{}
	c, err := OpenRemote(t.Context(), s.registry.Host, client.RepositoryOptions{HTTPClient: &http.Client{Transport: traffic}}, Options{Root: s.pin(), State: t.TempDir(), Now: s.now})
	if err != nil {
		t.Fatal(err)
	}
	everything := traffic.bytes.Swap(0)
	traffic.requests.Store(0)
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	unchanged, asked := traffic.bytes.Swap(0), traffic.requests.Swap(0)
	second := s.publish(whole.With([]catalog.Plugin{pluginNamed("acme-3/plugin-3", 11, 1)}, nil))
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	delta, requests := traffic.bytes.Load(), traffic.requests.Load()
	t.Logf("1,000 plugins x 10 versions: whole %d bytes (uploaded %d), unchanged %d bytes in %d requests, one changed %d bytes in %d requests (uploaded %d)",
		everything, first.Uploaded, unchanged, asked, delta, requests, second.Uploaded)
	if unchanged != 0 || asked != 1 {
		t.Errorf("nothing changed: %d bytes in %d requests, expected none in one", unchanged, asked)
	}
	if delta*5 > everything {
		t.Errorf("one plugin changed: %d bytes fetched of %d, expected less than a fifth", delta, everything)
	}
	if c.Status().Generation != 2 {
		t.Errorf("generation %d, expected 2", c.Status().Generation)
	}
}

// What oras pull writes is a TUF repository that go-tuf's own client reads.
func TestStockTUFClientReadsTheLayers_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.time = time.Now()
	s.publish(snapshotOf(30, 2))
	if _, err := s.keys.Rotate(Rotation{}); err != nil {
		t.Fatal(err)
	}
	first := must(os.ReadFile(filepath.Join(s.keysDir, "1.root.json")))
	s.publish(nil)
	dir := t.TempDir()
	for name, raw := range s.files() {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755), os.WriteFile(filepath.Join(dir, name), raw, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	cfg := must(config.New("http://repository.invalid", first))
	cfg.LocalMetadataDir, cfg.LocalTargetsDir = t.TempDir(), t.TempDir()
	cfg.RemoteTargetsURL, cfg.PrefixTargetsWithHash = "http://repository.invalid/targets", false
	cfg.Fetcher = folder(dir)
	u, err := updater.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Refresh(); err != nil {
		t.Fatal(err)
	}
	for name, f := range u.GetTopLevelTargets() {
		if _, _, err := u.DownloadTarget(f, "", ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(u.GetTopLevelTargets()); n < 5 {
		t.Errorf("%d targets", n)
	}
}

// folder serves a directory to go-tuf's client.
type folder string

func (f folder) DownloadFile(url string, _ int64, _ time.Duration) ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(string(f), strings.TrimPrefix(url, "http://repository.invalid/")))
	if errors.Is(err, os.ErrNotExist) {
		return nil, &metadata.ErrDownloadHTTP{StatusCode: http.StatusNotFound, URL: url}
	}
	return raw, err
}

func TestAnswersEndWhenTheSignatureDoes_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.publish(snapshotOf(3, 1))
	c, err := s.reader(s.pin(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.time = s.time.Add(25 * time.Hour)
	_, err = c.Search(t.Context(), index.Query{})
	wantRefusal(t, err, RefusedExpired)
	wantRefusal(t, c.Refresh(t.Context()), RefusedExpired)
	s.publish(nil) // nothing changed but the time
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Search(t.Context(), index.Query{}); err != nil {
		t.Error(err)
	}
}

func TestMirrorPrefixAndFullReferenceAreUnderstood_C7(t *testing.T) {
	t.Parallel()
	for reference, want := range map[string]string{
		"registry.example.org":                        "registry.example.org",
		"registry.example.org/mirror/":                "registry.example.org/mirror",
		"registry.example.org/mirror/oarlock/catalog": "registry.example.org/mirror",
		"127.0.0.1:5000/oarlock/catalog":              "127.0.0.1:5000",
		"":                                            "",
		"https://registry.example.org/oarlock/catalog": "",
	} {
		got, err := baseOf(reference)
		if got != want || (want == "") != errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%q: %q, %v, expected %q", reference, got, err, want)
		}
	}
}

func TestCatalogThatCannotBeReachedIsNotRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, err := s.reader(s.pin(), "")
	var r *Refusal
	if !errors.Is(err, artifact.ErrNotFound) || errors.As(err, &r) {
		t.Errorf("no catalog: %v", err)
	}
	s.publish(snapshotOf(3, 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = OpenRemote(ctx, s.registry.Host, client.RepositoryOptions{HTTPClient: web}, Options{Root: s.pin(), Now: s.now})
	if !errors.Is(err, context.Canceled) || errors.As(err, &r) {
		t.Errorf("cancelled: %v", err)
	}
}

// C7: with no index service, nobody is first for ever by a time to come.
func TestATimeToComeIsNotTheNewest_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	claims := func(id string, at time.Time) catalog.Plugin {
		p := pluginNamed(id, 1, 0)
		p.Versions[0].Plugin.Created, p.Versions[0].PublishedAt = &at, s.time
		return p
	}
	whole := catalog.Empty().With([]catalog.Plugin{claims("acme/liar", time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)),
		claims("acme/old", s.time.Add(-time.Hour)), claims("acme/new", s.time), claims("acme/soon", s.time.Add(time.Hour))}, nil)
	s.publish(whole)
	c, err := s.reader(s.pin(), "")
	if err != nil {
		t.Fatal(err)
	}
	wantOrder(t, c, "acme/new acme/old acme/liar acme/soon")
	s.time = s.time.Add(2 * time.Hour)
	s.publish(whole.With([]catalog.Plugin{claims("acme/other", s.time.Add(-3*time.Hour))}, nil))
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantOrder(t, c, "acme/soon acme/new acme/old acme/other acme/liar")
	again, err := s.reader(s.pin(), "")
	if err != nil {
		t.Fatal(err)
	}
	wantOrder(t, again, "acme/soon acme/new acme/old acme/other acme/liar")
}

func wantOrder(t *testing.T, c *Catalog, want string) {
	t.Helper()
	page, err := c.Search(t.Context(), index.Query{Sort: "updated"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range page.Items {
		got = append(got, row.ID)
		if row.ID == "acme/liar" && row.UpdatedAt != nil {
			t.Errorf("%s was updated %v", row.ID, row.UpdatedAt)
		}
	}
	if strings.Join(got, " ") != want {
		t.Errorf("%s, expected %s", got, want)
	}
}
