package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
	"github.com/opencontainers/go-digest"
)

func TestPullGivesTheFilesOfOurPlatform_L1(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	d := s.publish(t, "acme/tool", "1.0.0", release{
		plugin: map[string]any{"platforms": []string{"linux/amd64", "darwin/arm64"}},
		files:  map[string]string{"platforms/linux-amd64/bin/tool": "#!linux", "platforms/darwin-arm64/bin/tool": "#!mac"},
	})
	for _, ref := range []string{"/acme/tool:1.0.0", "/acme/tool@" + d.String()} {
		dir := filepath.Join(t.TempDir(), "below", "tool")
		got, err := newPuller(t).Pull(t.Context(), s.host+ref, dir)
		if err != nil {
			t.Fatal(err)
		}
		if got.Digest != d || got.PlatformDigest == d || got.Plugin.Version.String() != "1.0.0" || got.Signature.Signer != "acme" || got.Size == 0 {
			t.Errorf("got %+v", got)
		}
		files := tree(t, dir)
		if files["bin/tool"] != "#!linux" || files["main.txt"] != "acme/tool 1.0.0" {
			t.Errorf("got files %v", files)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".pull-*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestPullRefuses(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	d := s.publish(t, "acme/tool", "1.0.0", release{plugin: map[string]any{"platforms": []string{"linux/amd64"}},
		files: map[string]string{"platforms/linux-amd64/bin/tool": "#!"}})
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for title, row := range map[string]struct {
		ref, dir string
		set      func(*client.PullOptions)
		want     string
	}{
		"a tag that is not there":          {ref: ":9.9.9", want: "not found"},
		"a reference without tag":          {ref: "", want: "invalid"},
		"a directory that holds something": {ref: ":1.0.0", dir: full, want: "conflict"},
		"the directory that we are in":     {ref: ":1.0.0", dir: ".", want: "invalid"},
		"a platform that it is not built for": {ref: ":1.0.0", want: "not found",
			set: func(o *client.PullOptions) { o.Platform = platform(t, "windows/amd64") }},
		"what the verifier does not know": {ref: ":1.0.0", want: "unverified",
			set: func(o *client.PullOptions) { o.Verifier = &trusting{denied: map[digest.Digest]bool{d: true}} }},
		"more than the limit": {ref: ":1.0.0", want: "invalid",
			set: func(o *client.PullOptions) { o.Limits.Pulled = 10 }},
		"a verifier that could not tell": {ref: ":1.0.0", want: "no kind",
			set: func(o *client.PullOptions) { o.Verifier = failing{} }},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			dir := row.dir
			if dir == "" {
				dir = filepath.Join(t.TempDir(), "out")
			}
			p := newPuller(t)
			if row.set != nil {
				p = newPuller(t, row.set)
			}
			_, err := p.Pull(t.Context(), s.host+"/acme/tool"+row.ref, dir)
			if err == nil || !strings.HasPrefix(kinds(err), row.want) {
				t.Errorf("got %v, expected %s", err, row.want)
			}
			if _, err := os.Stat(dir); row.dir == "" && err == nil {
				t.Error("something was unpacked")
			}
		})
	}
}

type failing struct{}

func (failing) Verify(context.Context, client.Subject) (index.Signature, error) {
	return index.Signature{Status: index.SignatureVerified}, errors.New("cannot reach the trust root")
}

func TestWithoutVerifierNothingIsPulled_G1(t *testing.T) {
	t.Parallel()
	if _, err := client.NewPuller(client.PullOptions{}); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("got %v, expected a refusal", err)
	}
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{})
	p := newPuller(t, func(o *client.PullOptions) { o.Verifier, o.AllowUnsignedUnsafe = nil, true })
	got, err := p.Pull(t.Context(), s.host+"/acme/tool:1.0.0", filepath.Join(t.TempDir(), "out"))
	if err != nil || got.Signature.Status == index.SignatureVerified {
		t.Errorf("got %+v, %v, expected it pulled and not called verified", got, err)
	}
}

func TestVerifierSeesTheIndexBeforeAnyContentIsAskedFor_G1(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	d := s.publish(t, "acme/tool", "1.0.0", release{plugin: map[string]any{"platforms": []string{"linux/amd64"}},
		files: map[string]string{"platforms/linux-amd64/bin/tool": "#!"}})
	v := &trusting{denied: map[digest.Digest]bool{d: true}}
	s.lies(nil)
	_, err := newPuller(t, func(o *client.PullOptions) { o.Verifier = v }).
		Pull(t.Context(), s.host+"/acme/tool@"+d.String(), filepath.Join(t.TempDir(), "out"))
	if !errors.Is(err, artifact.ErrUnverified) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff([]string{"GET /v2/acme/tool/manifests/" + d.String()}, s.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if len(v.saw) != 1 || v.saw[0].ID.String() != "acme/tool" || digest.FromBytes(v.saw[0].Manifest) != d || v.saw[0].Descriptor.Digest != d {
		t.Errorf("the verifier saw %+v", v.saw)
	}
	if _, err := v.saw[0].Evidence.Tag(t.Context(), "sha256-00.sig"); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("evidence of a tag that is not there: %v", err)
	}
	if got, err := v.saw[0].Evidence.Referrers(t.Context(), d); err != nil || len(got) != 0 {
		t.Errorf("referrers: %v, %v", got, err)
	}
}

// swap answers requests whose path holds part with what with makes of the
// honest answer's body.
func swap(part string, with func([]byte) []byte) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		if !strings.Contains(r.URL.Path, part) {
			honest.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		honest.ServeHTTP(rec, r)
		body, _ := io.ReadAll(rec.Body)
		w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
		w.WriteHeader(rec.Code)
		w.Write(with(body))
	}
}

func TestALyingServerIsCaughtBeforeUnpacking_G1(t *testing.T) {
	t.Parallel()
	two := release{plugin: map[string]any{"platforms": []string{"linux/amd64", "darwin/arm64"}},
		files: map[string]string{"platforms/linux-amd64/bin/tool": "#!linux", "platforms/darwin-arm64/bin/tool": "#!mac"}}
	flip := func(b []byte) []byte {
		b = bytes.Clone(b)
		b[len(b)/2] ^= 1
		return b
	}
	longer := func(b []byte) []byte { return append(bytes.Clone(b), ' ') }
	shorter := func(b []byte) []byte { return b[:len(b)-1] }
	for title, row := range map[string]struct {
		lie  func(s *shop, d, child, layer, other digest.Digest) func(http.ResponseWriter, *http.Request, http.Handler)
		want string
	}{
		"the manifest's bytes are others": {want: "unverified",
			lie: func(_ *shop, d, _, _, _ digest.Digest) func(http.ResponseWriter, *http.Request, http.Handler) {
				return swap("/manifests/"+d.String(), longer)
			}},
		"another version's manifest is given for the digest": {want: "unverified",
			lie: func(_ *shop, d, _, _, other digest.Digest) func(http.ResponseWriter, *http.Request, http.Handler) {
				return func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
					r.URL.Path = strings.Replace(r.URL.Path, d.String(), other.String(), 1)
					honest.ServeHTTP(w, r)
				}
			}},
		"the platform's manifest is another": {want: "unverified",
			lie: func(_ *shop, _, child, _, _ digest.Digest) func(http.ResponseWriter, *http.Request, http.Handler) {
				return swap("/manifests/"+child.String(), longer)
			}},
		"a layer's bytes are others": {want: "unverified",
			lie: func(_ *shop, _, _, layer, _ digest.Digest) func(http.ResponseWriter, *http.Request, http.Handler) {
				return swap("/blobs/"+layer.String(), flip)
			}},
		"a layer is longer": {want: "unverified",
			lie: func(_ *shop, _, _, layer, _ digest.Digest) func(http.ResponseWriter, *http.Request, http.Handler) {
				return swap("/blobs/"+layer.String(), longer)
			}},
		"a layer is cut short, which a broken line may do too": {want: "no kind",
			lie: func(_ *shop, _, _, layer, _ digest.Digest) func(http.ResponseWriter, *http.Request, http.Handler) {
				return swap("/blobs/"+layer.String(), shorter)
			}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			other := s.publish(t, "acme/tool", "0.9.0", two)
			d := s.publish(t, "acme/tool", "1.0.0", two)
			honest, err := newPuller(t).Pull(t.Context(), s.host+"/acme/tool@"+d.String(), filepath.Join(t.TempDir(), "first"))
			if err != nil {
				t.Fatal(err)
			}
			var layer digest.Digest
			for _, path := range s.requests() {
				if _, blob, ok := strings.Cut(path, "GET /v2/acme/tool/blobs/"); ok {
					layer = digest.Digest(blob) // the last one asked for is a layer
				}
			}
			s.lies(row.lie(s, d, honest.PlatformDigest, layer, other))
			dir := filepath.Join(t.TempDir(), "out")
			_, err = newPuller(t).Pull(t.Context(), s.host+"/acme/tool@"+d.String(), dir)
			if err == nil || !strings.HasPrefix(kinds(err), row.want) {
				t.Errorf("got %v, expected %s", err, row.want)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("something was unpacked")
			}
		})
	}
}

func TestOnlyTheBestFittingPayloadOfAPathIsFetched_A8(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		io.WriteString(w, path.Base(r.URL.Path))
	}))
	t.Cleanup(elsewhere.Close)
	var payloads []any
	for _, level := range []string{"any", "v3", "base", "v2"} {
		one := map[string]any{"url": elsewhere.URL + "/" + level, "digest": digest.FromString(level), "path": "bin/engine"}
		switch level {
		case "base":
			one["platform"] = "linux/amd64"
		case "v2", "v3":
			one["platform"] = "linux/amd64/" + level
		}
		payloads = append(payloads, one)
	}
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{plugin: map[string]any{"payloads": payloads}})
	for on, want := range map[string]string{"linux/amd64/v4": "v3", "linux/amd64/v3": "v3", "linux/amd64/v2": "v2", "linux/amd64": "base", "linux/arm64": "any"} {
		asked.Store(0)
		platform, err := artifact.ParsePlatform(on)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "out")
		p := newPuller(t, func(o *client.PullOptions) { o.Platform = platform })
		if _, err := p.Pull(t.Context(), s.host+"/acme/tool:1.0.0", dir); err != nil {
			t.Errorf("%s: %v", on, err)
			continue
		}
		if got := tree(t, dir)["bin/engine"]; got != want || asked.Load() != 1 {
			t.Errorf("%s: got %q and %d fetched, expected %q alone", on, got, asked.Load(), want)
		}
	}
}

func TestPayloadsAreCheckedBeforeUse_A8(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a login went to the payload's server")
		}
		io.WriteString(w, "model weights")
	}))
	t.Cleanup(elsewhere.Close)
	right := digest.FromString("model weights")
	for title, row := range map[string]struct {
		payload map[string]any
		want    string
		file    string
	}{
		"the right bytes go where the manifest says": {payload: map[string]any{"digest": right, "size": 13, "path": "data/model.bin"}, file: "data/model.bin"},
		"without a path the URL names the file":      {payload: map[string]any{"digest": right}, file: "model"},
		"other bytes are refused":                    {payload: map[string]any{"digest": digest.FromString("else"), "path": "x"}, want: "unverified"},
		"another size is refused":                    {payload: map[string]any{"digest": right, "size": 14, "path": "x"}, want: "unverified"},
		"another platform's payload is left alone":   {payload: map[string]any{"digest": digest.FromString("else"), "platform": "windows/amd64"}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			row.payload["url"] = elsewhere.URL + "/files/model"
			s.publish(t, "acme/tool", "1.0.0", release{plugin: map[string]any{"payloads": []any{row.payload}}})
			dir := filepath.Join(t.TempDir(), "out")
			_, err := newPuller(t).Pull(t.Context(), s.host+"/acme/tool:1.0.0", dir)
			if row.want != "" {
				if kinds(err) != row.want {
					t.Errorf("got %v, expected %s", err, row.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if files := tree(t, dir); row.file != "" && files[row.file] != "model weights" {
				t.Errorf("got %v", files)
			}
		})
	}
}
