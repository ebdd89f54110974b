package auth

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

// Who sends a form too slowly is still there and is told so: it is neither a
// form that is wrong, nor are the addresses of the connection anybody's matter.
func TestASlowFormIsToldApart_K6(t *testing.T) {
	t.Parallel()
	p, _ := withIDP(t)
	late := fmt.Errorf("read tcp 10.0.0.1:443->10.0.0.2:5: %w", os.ErrDeadlineExceeded)
	tokens := NewTokenServer(p.Tokens, nil, nil)
	for path, handler := range map[string]http.Handler{"/auth/cli/token": p.login, "/auth/device/token": p.login, "/auth/token": tokens} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, io.MultiReader(strings.NewReader("grant_type"), iotest.ErrReader(late)))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusRequestTimeout || !strings.Contains(w.Body.String(), "too slowly") || strings.Contains(w.Body.String(), "10.0.0") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
