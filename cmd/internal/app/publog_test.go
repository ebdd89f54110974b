package app

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
)

// wholeLog verifies the log of a server as a reader does, against a checkpoint
// that was seen before.
func wholeLog(t *testing.T, s *Server, seen string) publog.Verification {
	t.Helper()
	by, err := publog.NewVerifier(ask[index.Log](t, s, "", "GET", "/api/v1/log", nil, 200).Key)
	if err != nil {
		t.Fatal(err)
	}
	v, err := publog.Verify(t.Context(), func(_ context.Context, path string) ([]byte, error) {
		_, body := textOf(t, s, "", "GET", "/log/"+path)
		return []byte(body), nil
	}, by, seen)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Proves G6: a version that is listed has a proof that holds offline against the
// log's key, for who may see it and nobody else; what ledgers say is in the log
// too; and a restart goes on with the same log.
func TestAListedVersionHasAProof_G6(t *testing.T) {
	t.Parallel()
	var notice strings.Builder
	c := configured(t)
	c.Dev, c.Trust = false, everybodyListed(t)
	o := options(&notice)
	s, stop := startBy(t, c, o)
	admin := tokenText.FindString(notice.String())
	for name, private := range map[string]bool{"acme": false, "hidden": true} {
		ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": name}, 201)
		ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/"+name, map[string]any{"private": private}, 200)
		publish(t, s, admin, `{"id": "`+name+`/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	}
	const path = "/api/v1/plugins/acme/hello/versions/1.0.0/proof"
	status, text := textOf(t, s, "", "GET", path)
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	p, err := publog.ParseProof(text)
	if err != nil {
		t.Fatal(err)
	}
	state := ask[index.Log](t, s, "", "GET", "/api/v1/log", nil, 200)
	by, err := publog.NewVerifier(state.Key)
	if err != nil {
		t.Fatal(err)
	}
	e, _, err := p.Verify(by)
	v := ask[index.VersionDetail](t, s, "", "GET", "/api/v1/plugins/acme/hello/versions/1.0.0", nil, 200)
	if err != nil || e.Plugin != "acme/hello" || e.Version != "1.0.0" || e.Digest != v.Digest || e.At.Before(*v.PublishedAt) {
		t.Errorf("proved %+v, the catalog says %s at %v: %v", e, v.Digest, v.PublishedAt, err)
	}
	for path, want := range map[string]int{
		"/api/v1/plugins/hidden/hello/versions/1.0.0/proof": 404, "/api/v1/plugins/acme/hello/versions/9.0.0/proof": 404,
		"/api/v1/plugins/acme/hello/versions/x/proof": 400, "/api/v1/log/leaves": 401, "/log/": 404, "/log/tile/0/001": 404,
	} {
		if status, text := textOf(t, s, "", "GET", path); status != want {
			t.Errorf("%s: %d, want %d: %s", path, status, want, text)
		}
	}
	if status, text := textOf(t, s, admin, "GET", "/api/v1/plugins/hidden/hello/versions/1.0.0/proof"); status != 200 {
		t.Errorf("who may see the private one: %d %s", status, text)
	}
	before := wholeLog(t, s, "")
	page := ask[index.LogPage](t, s, admin, "GET", "/api/v1/log/leaves", nil, 200)
	kinds := map[publog.Kind]int{}
	for _, row := range page.Items {
		e, err := before.CheckRow(publog.Row{Number: row.Number, Salt: row.Salt, Event: row.Event})
		if err != nil {
			t.Error(err)
		}
		kinds[e.Kind]++
	}
	if kinds[publog.Published] != 2 || kinds[publog.Owner] < 2 {
		t.Errorf("kinds of leaves: %v", kinds)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	s, _ = start(t, c)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.1.0", "engines": {"acme-editor": "*"}}`)
	if status, text := textOf(t, s, "", "GET", "/api/v1/plugins/acme/hello/versions/1.1.0/proof"); status != 200 {
		t.Errorf("after a restart: %d %s", status, text)
	}
	if after := wholeLog(t, s, before.Signed); after.Checkpoint.Origin != before.Checkpoint.Origin || after.Checkpoint.N <= before.Checkpoint.N {
		t.Errorf("after a restart the log is %+v, before %+v", after.Checkpoint, before.Checkpoint)
	}
}

// Proves G6: with a database of an earlier time nothing is published, and why is
// said; what is there is served on, until an admin has the log recovered from the
// registry: then it is the history that everybody saw.
func TestNothingIsPublishedBehindTheLog_G6(t *testing.T) {
	t.Parallel()
	var notice strings.Builder
	c := configured(t)
	c.Dev, c.Trust = false, everybodyListed(t)
	s, stop := startBy(t, c, options(&notice))
	admin := tokenText.FindString(notice.String())
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/acme", map[string]any{"private": false}, 200)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	database := strings.TrimPrefix(c.DatabaseURL(), "sqlite://")
	earlier, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	s, stop = start(t, c)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	if status, text := textOf(t, s, "", "GET", "/api/v1/plugins/acme/hello/versions/1.0.0/proof"); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	shown, _ := s.index.publog.Checkpoint()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"-wal", "-shm"} {
		_ = os.Remove(filepath.Clean(database + name))
	}
	if err := os.WriteFile(database, earlier, 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ = start(t, c)
	if l := ask[index.Log](t, s, "", "GET", "/api/v1/log", nil, 200); l.Problem == "" {
		t.Error("the log says nothing of what is gone")
	}
	if status, text := pushed(t, s, admin, "acme/hello", "2.0.0"); status != 403 || !strings.Contains(text, index.CodeLogBehind) {
		t.Errorf("a push: %d %s", status, text)
	}
	if status, text := textOf(t, s, "", "GET", "/api/v1/plugins/acme/hello/versions/1.0.0/proof"); status != 503 || !strings.Contains(text, index.CodeLogBehind) {
		t.Errorf("a proof: %d %s", status, text)
	}
	ask[index.VersionDetail](t, s, "", "GET", "/api/v1/plugins/acme/hello/versions/1.0.0", nil, 200)
	ask[any](t, s, "", "POST", "/api/v1/log/recover", index.LogRecovery{}, 401)
	if done := ask[index.LogRecovered](t, s, admin, "POST", "/api/v1/log/recover", index.LogRecovery{}, 200); done.Size <= done.Had {
		t.Errorf("recovered: %+v", done)
	}
	if row := newest(t, s, admin, 0)[0]; row.Action != "log:recover" || row.Outcome != "allowed" {
		t.Errorf("written down: %+v", row)
	}
	wholeLog(t, s, shown)
	if again := ask[index.LogRecovered](t, s, admin, "POST", "/api/v1/log/recover", index.LogRecovery{}, 200); !again.Intact || again.Size != again.Had || again.Size == 0 {
		t.Errorf("nothing is lost any more: %+v", again)
	}
	if status, text := pushed(t, s, admin, "acme/hello", "2.0.0"); status != 201 {
		t.Errorf("a push after it: %d %s", status, text)
	}
}

// pushed pushes an empty artifact under a tag, and gives the answer.
func pushed(t *testing.T, s *Server, token, repo, tag string) (int, string) {
	t.Helper()
	if status, body := upload(t, s, token, repo, []byte("{}"), false); status != http.StatusCreated {
		t.Fatalf("blob: %d %s", status, body)
	}
	const empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	manifest := map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": "application/vnd.oarlock.plugin.v1",
		"config":      map[string]any{"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
		"layers":      []any{map[string]any{"mediaType": "text/plain", "digest": empty, "size": 2, "annotations": map[string]string{"org.opencontainers.image.title": "a"}}},
		"annotations": map[string]string{"dev.oarlock.plugin.id": repo, "org.opencontainers.image.version": tag, "dev.oarlock.plugin.engine.acme-editor": "*"},
	}
	raw, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "PUT", s.URL()+"/v2/"+repo+"/manifests/"+tag, strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("x:"+token)))
	resp, text := answerTo(t, r)
	return resp.StatusCode, text
}
