//go:build e2e

package replicas

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"testing"
)

var (
	bootstrap = regexp.MustCompile(`bootstrap admin token[^:]*: (\S+)`)
	challenge = regexp.MustCompile(`realm="[^"]*(/auth/token)",service="([^"]*)"`)
)

// TestLoginHoldsAtEveryReplica_K7: what one replica issued, the other accepts;
// only the first makes a bootstrap token, and neither lets anybody else push.
func TestLoginHoldsAtEveryReplica_K7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.start(t, "--public-url", "http://plugins.example.org")
	b := s.start(t, "--public-url", "http://plugins.example.org")
	found := bootstrap.FindStringSubmatch(a.said())
	if found == nil || bootstrap.MatchString(b.said()) {
		t.Fatalf("bootstrap tokens: %t at the first, %t at the second", found != nil, bootstrap.MatchString(b.said()))
	}
	status, header, _, err := b.send("GET", "/v2/", nil)
	asked := challenge.FindStringSubmatch(header.Get("WWW-Authenticate"))
	if err != nil || status != http.StatusUnauthorized || asked == nil {
		t.Fatalf("without a login: status %d, %v, %q", status, err, header.Get("WWW-Authenticate"))
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("token:"+found[1]))
	status, _, body, err := a.send("GET", asked[1]+"?service="+asked[2], nil, "Authorization", basic)
	var issued struct{ Token string }
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &issued) != nil || issued.Token == "" {
		t.Fatalf("token: status %d, %v: %s", status, err, body)
	}
	for what, r := range map[string]*replica{"the replica that issued it": a, "the other": b} {
		if status, _, body, err := r.send("GET", "/v2/", nil, "Authorization", "Bearer "+issued.Token); err != nil || status != http.StatusOK {
			t.Errorf("a login at %s: status %d, %v: %s", what, status, err, body)
		}
		if status, _, _, err := r.send("POST", "/v2/acme/hello/blobs/uploads/", nil); err != nil || status != http.StatusUnauthorized {
			t.Errorf("a push by nobody to %s: status %d, %v", what, status, err)
		}
	}
}
