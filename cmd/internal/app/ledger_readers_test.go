package app

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/index"
)

// accessToken asks the token server as docker, crane and oras do. Without a
// secret it is asked by nobody.
func accessToken(t *testing.T, s *Server, secret string, scopes ...string) string {
	t.Helper()
	r := must(http.NewRequest("GET", s.URL()+"/auth/token?"+url.Values{"scope": scopes}.Encode(), nil))
	if secret != "" {
		r.SetBasicAuth("x", secret)
	}
	resp := must(visitor.Do(r))
	defer resp.Body.Close()
	var got struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.Token == "" {
		t.Fatalf("token server: %s, %v", resp.Status, err)
	}
	return got.Token
}

// Proves B4 and I7: with an access token the ledger of a private namespace is
// there for those for whom it is there with the credential that it was got with.
func TestAnAccessTokenReadsTheLedgersOfItsAccount_B4_I7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "hushhush", "private": true}, http.StatusCreated)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "other", "private": true}, http.StatusCreated)
	person := func(name, namespace, role string) string {
		ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]any{"name": name}, http.StatusCreated)
		ask[any](t, s, admin, "PUT", "/api/v1/namespaces/"+namespace+"/members/person:"+name, map[string]string{"role": role}, http.StatusNoContent)
		return ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/accounts/person:"+name+"/tokens", map[string]any{"label": "laptop", "expires_at": soon()}, http.StatusCreated).Secret
	}
	robot := func(label, namespace, scope string) string {
		return ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/tokens", map[string]any{
			"label": label, "namespace": namespace, "scopes": []string{scope}, "expires_at": soon()}, http.StatusCreated).Secret
	}
	const ledgers, elsewhere = "repository:oarlock/publishers:pull", "repository:hushhush/tool:pull"
	public := []string{"acme"}
	for says, row := range map[string]struct {
		secret string
		want   []string
	}{
		"an admin":                      {admin, []string{"acme", "hushhush", "other"}},
		"its owner":                     {person("ada", "hushhush", "owner"), []string{"acme", "hushhush"}},
		"its reader":                    {person("rob", "hushhush", "reader"), []string{"acme", "hushhush"}},
		"a robot that may pull from it": {robot("ci", "hushhush", "repository:hushhush/*:pull"), []string{"acme", "hushhush"}},
		"a robot of another namespace":  {robot("ci", "acme", "repository:acme/*:pull"), public},
		"a member of another namespace": {person("eve", "other", "owner"), []string{"acme", "other"}},
		"nobody":                        {"", public},
	} {
		for how, credential := range map[string]string{
			"":                             row.secret,
			" by an access token":          accessToken(t, s, row.secret, ledgers),
			" by an access token for more": accessToken(t, s, row.secret, ledgers, elsewhere),
		} {
			got := ask[struct{ Tags []string }](t, s, credential, "GET", "/v2/oarlock/publishers/tags/list", nil, http.StatusOK).Tags
			if !slices.Equal(got, row.want) {
				t.Errorf("%s%s is told of %q, want %q", says, how, got, row.want)
			}
			status := http.StatusNotFound
			if slices.Contains(row.want, "hushhush") {
				status = http.StatusOK
			}
			if got := statusWith(t, s, credential, "/v2/oarlock/publishers/manifests/hushhush"); got != status {
				t.Errorf("%s%s: the ledger of hushhush: status %d, want %d", says, how, got, status)
			}
		}
	}
	// The token's scope still bounds it: one for something else reads no ledger,
	// and one for ledgers reads nothing else.
	if got := statusWith(t, s, accessToken(t, s, admin, elsewhere), "/v2/oarlock/publishers/manifests/hushhush"); got != http.StatusUnauthorized {
		t.Errorf("an access token for something else: status %d", got)
	}
	if got := statusWith(t, s, accessToken(t, s, admin, ledgers), "/v2/hushhush/tool/tags/list"); got != http.StatusUnauthorized {
		t.Errorf("an access token for ledgers reads a repository: status %d", got)
	}
}

// Who read the ledger of a namespace while it was public, and kept its digests, is
// not told what is in it once it is private. Proves B4 and I7.
func TestALedgerThatBecamePrivateIsNotReadByDigest_B4_I7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "hushhush"}, http.StatusCreated)
	const in = "/v2/oarlock/publishers"
	paths := func(name string) (out []string) {
		list := ask[ocispec.Index](t, s, "", "GET", in+"/manifests/"+name, nil, http.StatusOK)
		_, h, _ := fetched(t, s, "", "GET", in+"/manifests/"+name)
		out = append(out, in+"/manifests/"+h.Get("Docker-Content-Digest"))
		for _, m := range list.Manifests {
			out = append(out, in+"/manifests/"+m.Digest.String())
			for _, l := range ask[ocispec.Manifest](t, s, "", "GET", in+"/manifests/"+m.Digest.String(), nil, http.StatusOK).Layers {
				out = append(out, in+"/blobs/"+l.Digest.String())
			}
		}
		if len(out) < 3 {
			t.Fatalf("the ledger of %s: %q", name, out)
		}
		return out
	}
	private, public := paths("hushhush"), paths("acme")
	stranger := accountOf(t, s, admin, "sam")
	member := accountOf(t, s, admin, "mel")
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/hushhush/members/person:mel", map[string]any{"role": "reader"}, http.StatusNoContent)
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/hushhush", map[string]any{"private": true}, http.StatusOK)
	for token, want := range map[string]int{"": http.StatusNotFound, stranger: http.StatusNotFound, member: http.StatusOK, admin: http.StatusOK} {
		for _, path := range private {
			if status, _, body := fetched(t, s, token, "GET", path); status != want {
				t.Errorf("%.12s: %s: %d %s, expected %d", token, path, status, body, want)
			}
		}
		for _, path := range append(public, in+"/blobs/"+ocispec.DescriptorEmptyJSON.Digest.String()) {
			if status, _, body := fetched(t, s, token, "GET", path); status != http.StatusOK {
				t.Errorf("%.12s: the public one: %s: %d %s", token, path, status, body)
			}
		}
	}
}

func statusWith(t *testing.T, s *Server, credential, path string) int {
	t.Helper()
	r := must(http.NewRequest("GET", s.URL()+path, nil))
	r.Header.Set("Accept", "*/*")
	if credential != "" {
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(credential))
	}
	resp := must(visitor.Do(r))
	resp.Body.Close()
	return resp.StatusCode
}
