package signed

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/client"
)

// history is a site that published twice, and a reader that saw both.
type history struct {
	*site
	old, new map[string][]byte
	state    string
}

func newHistory(t *testing.T) *history {
	s := newSite(t)
	h := &history{site: s, state: t.TempDir()}
	s.publish(snapshotOf(20, 2))
	h.old = s.files()
	s.time = s.time.Add(time.Hour)
	s.publish(s.live.Current().Snapshot.With([]catalog.Plugin{pluginNamed("acme-3/plugin-3", 3, 1)}, nil))
	h.new = s.files()
	if _, err := s.reader(s.pin(), h.state); err != nil {
		t.Fatal(err)
	}
	return h
}

// resigned is the metadata of a role, changed and signed by its keys.
func resigned[T metadata.Roles](s *site, role string, m *metadata.Metadata[T], raw []byte, change func(*metadata.Metadata[T])) []byte {
	must(m.FromBytes(raw))
	change(m)
	return must(seal(m, s.keys.ring().of(role)))
}

// with is files with some of them replaced; nil takes one away.
func with(files, other map[string][]byte) map[string][]byte {
	out := maps.Clone(files)
	for name, raw := range other {
		if out[name] = raw; raw == nil {
			delete(out, name)
		}
	}
	return out
}

func TestAttacksAreNamed_C7(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		attack func(h *history) // what whoever can write to the registry does
		want   string           // "" is believed
	}{
		"nothing but time passes":                      {func(h *history) {}, ""},
		"an earlier publication comes back":            {func(h *history) { h.put(h.old) }, RefusedRollback},
		"nobody signs for a day and an hour":           {func(h *history) { h.time = h.time.Add(25 * time.Hour) }, RefusedExpired},
		"the machine's clock goes back":                {func(h *history) { h.time = h.time.Add(-48 * time.Hour) }, ""},
		"targets of an earlier publication":            {func(h *history) { h.put(with(h.new, pick(h.old, targetsName))) }, RefusedMixed},
		"snapshot of an earlier publication":           {func(h *history) { h.put(with(h.new, pick(h.old, snapshotName))) }, RefusedMixed},
		"timestamp of an earlier publication":          {func(h *history) { h.put(with(h.new, pick(h.old, timestampName))) }, RefusedRollback},
		"metadata of a publication without its shards": {func(h *history) { h.put(pick(h.new, "1.root.json", timestampName, snapshotName, targetsName)) }, ""},
		"a timestamp that somebody else signed":        {func(h *history) { h.put(with(h.new, forged(h))) }, RefusedKey},
		"a timestamp without signature":                {func(h *history) { h.put(with(h.new, unsigned(h))) }, RefusedKey},
		"another timestamp under the same number":      {func(h *history) { h.put(with(h.new, forked(h))) }, RefusedMixed},
		"an artifact of another site":                  {func(h *history) { h.put(another(h).files()) }, RefusedKey},
		"a manifest without timestamp":                 {func(h *history) { h.put(with(h.new, map[string][]byte{timestampName: nil})) }, RefusedMalformed},
		"a timestamp that is no JSON":                  {func(h *history) { h.put(with(h.new, map[string][]byte{timestampName: []byte("{")})) }, RefusedMalformed},
		"a timestamp that never ends": {func(h *history) {
			h.put(with(h.new, map[string][]byte{timestampName: bytes.Repeat([]byte(" "), maxTimestamp+1)}))
		}, RefusedEndless},
		"a manifest of something else": {func(h *history) {
			h.putManifest([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.acme","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}`))
		}, RefusedMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistory(t)
			row.attack(h)
			c, err := h.reader(h.pin(), h.state)
			if row.want != "" {
				wantRefusal(t, err, row.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Status().Generation != 2 {
				t.Errorf("generation %d, expected 2", c.Status().Generation)
			}
		})
	}
}

func pick(files map[string][]byte, names ...string) map[string][]byte {
	out := map[string][]byte{}
	for _, name := range names {
		out[name] = files[name]
	}
	return out
}

// forged is a higher timestamp by a key that no root names.
func forged(h *history) map[string][]byte {
	other := must(MakeKeys(h.t.(*testing.T).TempDir(), KeyOptions{Now: h.now}))
	m := metadata.Timestamp()
	must(m.FromBytes(h.new[timestampName]))
	m.Signed.Version++
	return map[string][]byte{timestampName: must(seal(m, other.ring().of(metadata.TIMESTAMP)))}
}

func unsigned(h *history) map[string][]byte {
	m := metadata.Timestamp()
	must(m.FromBytes(h.new[timestampName]))
	m.Signed.Version++
	return map[string][]byte{timestampName: must(seal(m, nil))}
}

func forked(h *history) map[string][]byte {
	return map[string][]byte{timestampName: resigned(h.site, metadata.TIMESTAMP, metadata.Timestamp(), h.new[timestampName],
		func(m *metadata.Metadata[metadata.TimestampType]) {
			m.Signed.Expires = m.Signed.Expires.Add(time.Hour)
		})}
}

func another(h *history) *site {
	s := newSite(h.t)
	s.time = h.time
	s.publish(snapshotOf(5, 1))
	return s
}

// A lying registry answers other bytes than it was asked for.
type lying struct {
	about string // suffix of the path
	say   func(io.ReadCloser) io.ReadCloser
}

func (l lying) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := web.Transport.RoundTrip(r)
	if err == nil && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, l.about) {
		resp.Body, resp.ContentLength = l.say(resp.Body), -1
		resp.Header.Del("Content-Length")
	}
	return resp, err
}

type endless struct{ given *int64 }

func (e endless) Read(p []byte) (int, error) { *e.given += int64(len(p)); return len(p), nil }
func (endless) Close() error                 { return nil }

func TestLyingRegistryIsCaught_C7(t *testing.T) {
	t.Parallel()
	flip := func(body io.ReadCloser) io.ReadCloser {
		raw := must(io.ReadAll(body))
		raw[len(raw)/2] ^= 1
		return io.NopCloser(bytes.NewReader(raw))
	}
	cut := func(body io.ReadCloser) io.ReadCloser {
		raw := must(io.ReadAll(body))
		return io.NopCloser(bytes.NewReader(raw[:len(raw)-1]))
	}
	s := newSite(t)
	done := s.publish(snapshotOf(20, 2))
	l := s.pub.last
	shard := l.files[targetsFolder+shardName(done.ShardBits, 1)].Digest.String()
	var given int64
	for name, row := range map[string]struct {
		about string
		say   func(io.ReadCloser) io.ReadCloser
		want  string
	}{
		"one bit of a shard":      {shard, flip, RefusedTampered},
		"a shard that is cut":     {shard, cut, RefusedTampered},
		"a shard without end":     {shard, func(io.ReadCloser) io.ReadCloser { return endless{&given} }, RefusedEndless},
		"one bit of the targets":  {l.files[targetsName].Digest.String(), flip, RefusedTampered},
		"one bit of the root":     {l.files["1.root.json"].Digest.String(), flip, RefusedTampered},
		"one bit of the manifest": {done.Manifest.String(), flip, RefusedTampered},
		"a manifest without end":  {done.Manifest.String(), func(io.ReadCloser) io.ReadCloser { return endless{new(int64)} }, RefusedEndless},
	} {
		t.Run(name, func(t *testing.T) {
			pin := Pin{digest: digestOf(s.keys.Root())} // so that the root is fetched as well
			_, err := OpenRemote(t.Context(), s.registry.Host, client.RepositoryOptions{HTTPClient: &http.Client{Transport: lying{row.about, row.say}}},
				Options{Root: pin, State: t.TempDir(), Now: s.now})
			wantRefusal(t, err, row.want)
		})
	}
	if size := l.files[targetsFolder+shardName(done.ShardBits, 1)].Size; given > size+1<<20 {
		t.Errorf("%d bytes of a shard without end were read, it has %d", given, size)
	}
}

func TestRefusedRefreshLeavesTheAnswers_C7(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	c, err := h.reader(h.pin(), h.state)
	if err != nil {
		t.Fatal(err)
	}
	h.put(h.old)
	wantRefusal(t, c.Refresh(t.Context()), RefusedRollback)
	if page, err := c.Search(t.Context(), index.Query{}); err != nil || page.Generation != 2 {
		t.Errorf("after a refused refresh: %+v, %v", page, err)
	}
}

func TestWithoutStateAReaderStillSeesExpiryAndKeys_C7(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.put(h.old)
	if c, err := h.reader(h.pin(), ""); err != nil || c.Status().Generation != 1 { // nothing was seen before
		t.Fatalf("%v", err)
	}
	h.put(another(h).files())
	_, err := h.reader(h.pin(), "")
	wantRefusal(t, err, RefusedKey)
}
