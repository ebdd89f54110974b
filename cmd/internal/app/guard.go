package app

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/oarlock/oarlock/artifact/ocierror"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/edge"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
)

// strictTransport asks browsers to come with TLS only, for a year.
const strictTransport = "max-age=31536000"

// nosniff is shared by all answers: full, so that whoever adds to a header gets
// a copy.
var nosniff = []string{"nosniff"}

// guard is what holds for every answer and every request, whatever part of
// the server it is for.
func guard(cfg config.Config, next http.Handler) http.Handler {
	ownMachine := cfg.Footing().OwnMachine
	crossOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Content-Type-Options"] = nosniff
		// A browser keeps this for a name, with all ports: not for those that
		// every server on this machine shares.
		if r.TLS != nil && !loopbackHost(r.Host) {
			h.Set("Strict-Transport-Security", strictTransport)
		}
		if edge.HasNUL(r.URL) {
			refuseAnywhere(cfg.Limits, w, r, index.CodeInvalid, "NAME_INVALID", "the path or the query holds a NUL byte (%00)", "leave it out: no name and no text here has one")
			return
		}
		if ownMachine {
			if why := notFromHere(r, crossOrigin); why != "" {
				refuseAnywhere(cfg.Limits, w, r, index.CodeDenied, "DENIED", why, "call it as 127.0.0.1 or localhost, from a program or a page of this server; or run without --dev")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// notFromHere says why a request to a server that asks for no login may come
// from a page of somebody else's, or "". A page whose own name was made to
// resolve to 127.0.0.1 (DNS rebinding) sends that name as Host.
func notFromHere(r *http.Request, crossOrigin *http.CrossOriginProtection) string {
	if !loopbackHost(r.Host) {
		return "this server is for trying out and answers to the names of this machine only, and Host is " + quoted(r.Host)
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || !loopbackHost(u.Host) {
			return "this server is for trying out, and the request came from a page of another site: Origin is " + quoted(origin)
		}
	}
	if site := r.Header.Get("Sec-Fetch-Site"); strings.HasPrefix(r.URL.Path, "/v2") && (site == "cross-site" || site == "same-site") {
		return "this server is for trying out, and the request came from a page of another site"
	}
	if err := crossOrigin.Check(r); err != nil {
		return "this server is for trying out, and the request came from a page of another site"
	}
	return ""
}

func quoted(s string) string {
	b, _ := json.Marshal(s[:min(len(s), 100)])
	return string(b)
}

// loopbackHost reports whether a Host header, with or without a port, names
// this machine by an address or a name that no resolver can point elsewhere.
func loopbackHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	return edge.Loopback(strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(host), "["), "]"))
}

// refuseAnywhere answers in the words of the part that r is for: OCI errors at
// /v2/, problems elsewhere. A body that nobody reads is held to its time.
func refuseAnywhere(limits config.Limits, w http.ResponseWriter, r *http.Request, code, oci, detail, fix string) {
	requests(limits).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeRefusal(w, r, index.NewProblem(code, detail, fix), oci, detail+": "+fix)
	})).ServeHTTP(w, r)
}

func writeRefusal(w http.ResponseWriter, r *http.Request, p *index.Problem, oci, message string) {
	if r.URL.Path != "/v2" && !strings.HasPrefix(r.URL.Path, "/v2/") {
		api.Refuse(w, r, p)
		return
	}
	ocierror.Write(w, r, p.Status, ocierror.New(oci, message, p.Code))
}
