package client_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index/client"
	"oras.land/oras-go/v2/registry/remote/auth"
)

func TestPullLogsInWhereTheRegistryAsks_L3(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{})
	s.lies(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		if user, password, _ := r.BasicAuth(); user != "robot" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			w.Write([]byte(`{"errors":[{"code":"UNAUTHORIZED","message":"log in"}]}`))
			return
		}
		honest.ServeHTTP(w, r)
	})
	login := func(o *client.PullOptions) {
		o.Credential = func(_ context.Context, registry string) (auth.Credential, error) {
			if registry != s.host {
				t.Errorf("a login for %q was asked for", registry)
			}
			return auth.Credential{Username: "robot", Password: "secret"}, nil
		}
	}
	if _, err := newPuller(t, login).Pull(t.Context(), s.host+"/acme/tool:1.0.0", filepath.Join(t.TempDir(), "out")); err != nil {
		t.Error(err)
	}
	for _, ref := range []string{":1.0.0", "@sha256:" + strings.Repeat("0", 64)} {
		_, err := newPuller(t).Pull(t.Context(), s.host+"/acme/tool"+ref, filepath.Join(t.TempDir(), "out"))
		if kinds(err) != "denied" {
			t.Errorf("without login: %v, expected denied", err)
		}
	}
}
