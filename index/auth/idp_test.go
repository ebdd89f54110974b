package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
)

// idp is an OpenID provider of one page, to say wrong things; that the right
// things are understood is tested against a real one.
type idp struct {
	*httptest.Server
	key *ecdsa.PrivateKey
	// change alters the claims of the next ID tokens, userinfo those of userinfo.
	change   func(claims map[string]any)
	userinfo map[string]any
	signer   *ecdsa.PrivateKey
	// asked holds the last request to the authorization endpoint.
	asked map[string]string
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{key: key, signer: key, userinfo: map[string]any{"sub": "42", "preferred_username": "Ada", "groups": []string{"x", "reviewers"}}}
	mux := http.NewServeMux()
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"userinfo_endpoint": p.URL + "/userinfo", "id_token_signing_alg_values_supported": []string{"ES256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		p.asked = map[string]string{}
		for k := range r.URL.Query() {
			p.asked[k] = r.URL.Query().Get(k)
		}
		http.Redirect(w, r, p.asked["redirect_uri"]+"?code=c&state="+p.asked["state"], http.StatusFound)
	})
	mux.HandleFunc("/token", p.token)
	mux.HandleFunc("/userinfo", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, p.userinfo) })
	return p
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	if id, secret, _ := r.BasicAuth(); id != "oarlock" || secret != "s" || oauth2.S256ChallengeFromVerifier(r.PostForm.Get("code_verifier")) != p.asked["code_challenge"] {
		writeOAuth(w, 400, "invalid_grant", "")
		return
	}
	now := time.Now()
	claims := map[string]any{
		"iss": p.URL, "aud": "oarlock", "sub": "42", "nonce": p.asked["nonce"], "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	if p.change != nil {
		p.change(claims)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.signer, KeyID: "k"}}, nil)
	if err != nil {
		writeOAuth(w, 500, "server_error", err.Error())
		return
	}
	text, _ := jwt.Signed(signer).Claims(claims).Serialize()
	writeJSON(w, 200, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": text, "expires_in": 60})
}
