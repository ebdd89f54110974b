package app

import (
	"net/http"
	"strings"

	"github.com/oarlock/oarlock/index"
)

// authorizer decides who may call what changes things: whoever has the admin
// token, or anybody on this machine where the server is for trying out.
func authorizer(dev bool, admin adminToken) func(*http.Request) error {
	pages := http.NewCrossOriginProtection()
	return func(r *http.Request) error {
		if err := pages.Check(r); err != nil {
			return index.NewProblem(index.CodeDenied, "this came from a page of another site", "call the API from a program, or from the same site")
		}
		if dev {
			return nil
		}
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case !ok:
			return index.NewProblem(index.CodeUnauthorized, "this call needs the admin token",
				"send Authorization: Bearer <token>; the first start of the server printed it")
		case !admin.accepts(token):
			return index.NewProblem(index.CodeUnauthorized, "the token is not known here", "check it, or remove DATA/admin-token and restart for a new one")
		}
		return nil
	}
}
