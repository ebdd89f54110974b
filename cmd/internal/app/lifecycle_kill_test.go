package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
)

// answered sends one request to a server that may be about to start or to end.
func answered(t *testing.T, token, method, url string, body any) (int, []byte) {
	t.Helper()
	raw := must(json.Marshal(body))
	r := must(http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(raw)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "*/*")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp := must(visitor.Do(r))
	defer resp.Body.Close()
	return resp.StatusCode, must(io.ReadAll(resp.Body))
}

// pulled is what somebody who did not log in gets of a manifest.
func pulled(t *testing.T, server, id, reference string) int {
	t.Helper()
	status, body := answered(t, "", "GET", server+"/auth/token?"+url.Values{"scope": {"repository:" + id + ":pull"}}.Encode(), nil)
	var access struct{ Token string }
	if err := json.Unmarshal(body, &access); err != nil || status != http.StatusOK {
		t.Fatalf("token server: %d %s", status, body)
	}
	status, _ = answered(t, access.Token, "GET", server+"/v2/"+id+"/manifests/"+reference, nil)
	return status
}

// Proves E4, E12 and K6: what was acknowledged of a plugin's state before kill -9
// holds from the first answer after the restart, although the checkpoint that it
// starts from is older. The plugins are many, so that a walk over all takes time.
func TestKilledAfterAMoveTheFirstAnswerKnowsIt_E4_E12_K6(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Dev, c.Trust = false, everybodyListed(t)
	var notice bytes.Buffer
	s, stop := startWith(t, c, &notice)
	admin := tokenText.FindString(notice.String())
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	for i := range 60 {
		publish(t, s, admin, fmt.Sprintf(`{"id": "acme/a%03d", "version": "1.0.0", "engines": {"acme-editor": "*"}}`, i))
	}
	ids := []string{"acme/zz-removed", "acme/zz-suspended", "acme/zz-yanked"}
	digests := map[string]digest.Digest{}
	for _, id := range ids {
		publish(t, s, admin, `{"id": "`+id+`", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
		digests[id] = ask[index.VersionDetail](t, s, admin, "GET", "/api/v1/plugins/"+id+"/versions/1.0.0", nil, http.StatusOK).Digest
	}
	if err := stop(); err != nil { // which writes the checkpoint
		t.Fatal(err)
	}
	server := func() *process { return spawn(t, c.Data, childTrust+"="+c.Trust) }
	p := server()
	for status := 0; status != http.StatusOK; {
		status, _ = answered(t, "", "GET", p.url+"/readyz", nil)
	}
	for path, move := range map[string]map[string]any{
		ids[0] + "/lifecycle":           {"move": "remove", "reason": "malware"},
		ids[1] + "/lifecycle":           {"move": "suspend", "reason": "security_review"},
		ids[2] + "/versions/1.0.0/yank": {"reason": "malware"},
	} {
		if status, body := answered(t, admin, "POST", p.url+"/api/v1/plugins/"+path, move); status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, body)
		}
	}
	p.kill()

	p = server()
	for round, ready := 0, false; !ready; round++ {
		status, _ := answered(t, "", "GET", p.url+"/readyz", nil)
		ready = status == http.StatusOK
		for _, id := range ids {
			if status, body := answered(t, "", "POST", p.url+"/api/v1/resolve", index.ResolveRequest{Plugins: []index.Want{{ID: id, Range: "*"}}}); status == http.StatusOK {
				t.Errorf("round %d: %s is resolved: %s", round, id, body)
			}
			if id == "acme/zz-yanked" {
				continue
			}
			for _, reference := range []string{"1.0.0", digests[id].String()} {
				if status := pulled(t, p.url, id, reference); status == http.StatusOK {
					t.Errorf("round %d: %s@%.20s is pulled", round, id, reference)
				}
			}
		}
		status, body := answered(t, "", "GET", p.url+"/api/v1/plugins?q=zz&limit=100", nil)
		if status == http.StatusOK && strings.Contains(string(body), `"acme/zz-`) {
			t.Errorf("round %d: listed: %s", round, body)
		}
	}
}
