package app

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// upload sends content as a blob in one request, or in chunks of unknown length.
func upload(t *testing.T, s *Server, token, repo string, content []byte, chunked bool) (status int, body string) {
	t.Helper()
	if chunked {
		return uploadInParts(t, s, token, repo, content, "")
	}
	d := digest.FromBytes(content)
	send := sender(t, token, &body)
	return send("POST", s.URL()+"/v2/"+repo+"/blobs/uploads/?digest="+d.String(), bytes.NewReader(content)).StatusCode, body
}

// uploadInParts sends content in a part of unknown length, with more added to
// its query, and then ends the upload.
func uploadInParts(t *testing.T, s *Server, token, repo string, content []byte, more string) (status int, body string) {
	t.Helper()
	d := digest.FromBytes(content)
	send := sender(t, token, &body)
	begun := send("POST", s.URL()+"/v2/"+repo+"/blobs/uploads/", nil)
	patched := send("PATCH", s.URL()+begun.Header.Get("Location")+more, io.MultiReader(bytes.NewReader(content)))
	if patched.StatusCode != http.StatusAccepted {
		return patched.StatusCode, body
	}
	return send("PUT", s.URL()+patched.Header.Get("Location")+"&digest="+d.String(), nil).StatusCode, body
}

// sender sends requests as the admin; body is that of the last answer.
func sender(t *testing.T, token string, body *string) func(method, url string, from io.Reader) *http.Response {
	return func(method, url string, from io.Reader) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, url, from)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("admin", token)
		resp, err := visitor.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		*body = string(text)
		return resp
	}
}

// TestBlobsWithoutAManifestCount_B7: what is stored is counted, whether a
// manifest names it or not, once, and a refusal says what to do.
func TestBlobsWithoutAManifestCount_B7(t *testing.T) {
	t.Parallel()
	for _, chunked := range []bool{false, true} {
		t.Run(fmt.Sprint("chunked ", chunked), func(t *testing.T) {
			t.Parallel()
			s, admin := startGuarded(t, func(c *config.Config) { c.Quota.Bytes = 1 << 20 })
			ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
			used := func() int64 {
				t.Helper()
				return ask[index.Usage](t, s, admin, "GET", "/api/v1/namespaces/acme/usage", nil, 200).Bytes
			}
			content := bytes.Repeat([]byte("x"), 600<<10)
			for range map[bool]int{false: 2, true: 1}[chunked] { // the digest of chunks is known at their end
				if status, body := upload(t, s, admin, "acme/hello", content, chunked); status != 201 {
					t.Fatalf("%d %s", status, body)
				}
			}
			if err := s.accounts.usage.Recount(t.Context(), "acme"); err != nil {
				t.Fatal(err)
			}
			if got := used(); got != int64(len(content)) {
				t.Errorf("%d bytes are counted, want %d", got, len(content))
			}
			status, body := upload(t, s, admin, "acme/other", bytes.Repeat([]byte("y"), 600<<10), chunked)
			for _, part := range []string{"DENIED", `quota \"bytes\" of namespace acme`, "1048576", "ask the operator"} {
				if !strings.Contains(body, part) {
					t.Errorf("%d: the refusal does not say %s: %s", status, part, body)
				}
			}
			if status != http.StatusForbidden {
				t.Errorf("status %d", status)
			}
		})
	}
}

// TestAWordOfADigestSavesNoBytes_B7: a part of an upload that names a blob of
// the repository is counted as any other part is.
func TestAWordOfADigestSavesNoBytes_B7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) { c.Quota.Bytes = 1 << 20 })
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	content := bytes.Repeat([]byte("x"), 600<<10)
	if status, body := upload(t, s, admin, "acme/hello", content, false); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	held := "&digest=" + digest.FromBytes(content).String()
	status, body := uploadInParts(t, s, admin, "acme/hello", bytes.Repeat([]byte("y"), 600<<10), held)
	if status != http.StatusForbidden || !strings.Contains(body, "quota") {
		t.Errorf("%d %s", status, body)
	}
}

// TestParallelUploadsDoNotPassTheLimit_B7: of uploads that fit alone and not
// together, as many get in as fit.
func TestParallelUploadsDoNotPassTheLimit_B7(t *testing.T) {
	t.Parallel()
	const size, limit = 100 << 10, 550 << 10
	s, admin := startGuarded(t, func(c *config.Config) { c.Quota.Bytes = limit })
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	var mu sync.Mutex
	in := 0
	var uploads sync.WaitGroup
	for i := range 12 {
		uploads.Go(func() {
			status, body := upload(t, s, admin, "acme/hello", bytes.Repeat([]byte{byte(i)}, size), i%2 == 0)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case status == 201:
				in++
			case status != 403 || !strings.Contains(body, "quota"):
				t.Errorf("%d %s", status, body)
			}
		})
	}
	uploads.Wait()
	if err := s.accounts.usage.Recount(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	used := ask[index.Usage](t, s, admin, "GET", "/api/v1/namespaces/acme/usage", nil, 200)
	if in == 0 || in > limit/size || used.Bytes > limit || used.Bytes < int64(in*size) {
		t.Errorf("%d uploads got in, usage %d of %d", in, used.Bytes, limit)
	}
}

// TestUsageFollowsWhatIsStored_B7: what is deleted and collected does not count.
func TestUsageFollowsWhatIsStored_B7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) {
		c.Namespaces["acme"] = config.Settings{FreeTags: true, Quota: config.Quota{Bytes: 1 << 20}}
	})
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	content := bytes.Repeat([]byte("z"), 700<<10)
	if status, body := upload(t, s, admin, "acme/hello", content, false); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	r, err := http.NewRequestWithContext(t.Context(), "DELETE", s.URL()+"/v2/acme/hello/blobs/"+digest.FromBytes(content).String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("admin", admin)
	resp, err := visitor.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusAccepted {
		t.Fatal(resp.Status)
	}
	// Proves J3: a delete is in the audit log, with what was deleted.
	audited := slices.ContainsFunc(ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit?limit=50", nil, 200).Items, func(row index.AuditRow) bool {
		return row.Action == string(auth.RepositoryDelete) && row.Outcome == "allowed" && strings.Contains(string(row.Before), digest.FromBytes(content).String())
	})
	if !audited {
		t.Error("the delete is not in the audit log")
	}
	if status, body := upload(t, s, admin, "acme/hello", bytes.Repeat([]byte("w"), 700<<10), false); status != 201 {
		t.Errorf("refused for what was deleted: %d %s", status, body)
	}
}
