package app

import (
	"html/template"
	"net/http"
	"strings"

	"github.com/oarlock/oarlock/index/auth"
)

// signIn is all that a site without anonymous readers shows to a browser.
var signIn = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign in</title>
<h1>Sign in</h1>
<p>This site shows nothing without a login.</p>
{{if .}}<p><a href="{{.}}">Sign in</a></p>{{else}}<p>Log in with a token: <code>oarlock login HOST</code></p>{{end}}
</html>
`))

// loggedIn lets nobody but those who are logged in to next, where the site is
// so; health is open.
func (a *accounts) loggedIn(next http.Handler) http.Handler {
	if a.cfg.Anonymous == "pull" || a.cfg.Anonymous == "catalog" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/livez" || r.URL.Path == "/readyz" || auth.From(r.Context()).LoggedIn():
			next.ServeHTTP(w, r)
		case !strings.HasPrefix(r.URL.Path, "/api/") && strings.Contains(r.Header.Get("Accept"), "text/html"):
			a.signIn(w)
		default:
			a.refuse(w, r, a.CheckBase(r.Context()))
		}
	})
}

func (a *accounts) signIn(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.WriteHeader(http.StatusUnauthorized)
	_ = signIn.Execute(w, a.loginPath())
}
