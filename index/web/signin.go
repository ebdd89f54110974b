package web

import (
	"html/template"
	"net/http"
)

var closedDoor = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign in</title>
<h1>Sign in</h1>
<p>This site shows nothing without a login.</p>
{{if .Refused}}<p role="alert">That did not let you in. The token may be another server's, a robot's, or at its end; after many tries, wait a minute.</p>{{end}}
{{with .Provider}}<p><a href="{{.}}">Sign in with your account</a></p>{{end}}
<form action="/auth/session" method="post"><input type="hidden" name="return_to" value="{{.Back}}">
<p><label>Token <input name="token" type="password" autocomplete="off" required></label> <button>Sign in</button></p></form>
<p>On the command line: <code>oarlock login HOST</code></p>
</html>
`))

// SignIn answers a browser on a site that shows nothing without a login: it tells
// nothing of the site, lets in by a provider, whose path may be "", or a token, and
// leads back to what was asked for.
func SignIn(w http.ResponseWriter, r *http.Request, provider string) {
	v := struct {
		Provider, Back string
		Refused        bool
	}{provider, r.URL.RequestURI(), false}
	if r.URL.Path == loginPath {
		v.Back, v.Refused = r.URL.Query().Get("return_to"), r.URL.Query().Has("refused")
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'")
	w.WriteHeader(http.StatusUnauthorized)
	_ = closedDoor.Execute(w, v)
}
