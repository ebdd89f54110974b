package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

const (
	loginCookie   = "oarlock-login"
	sessionCookie = "oarlock-session"
)

func (o origin) secure() bool { return strings.HasPrefix(o.url, "https://") }

// cookieName binds a cookie to this host where the browser lets us.
func (o origin) cookieName(name string) string {
	if o.secure() {
		return "__Host-" + name
	}
	return name
}

// setCookie sets a cookie that no script reads and that other sites do not
// send along, except when they lead a person here. A negative life removes it.
func (o origin) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	age := int(life / time.Second)
	if life < 0 {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: o.cookieName(name), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: o.secure(), SameSite: http.SameSiteLaxMode,
	})
}

// AuthenticatedPages is Authenticated for what a browser uses: where a request
// has no Authorization, the session cookie says who it is. A request that
// changes something and comes from another site is refused. A session that
// has ended is removed and its holder is nobody.
func (a *Authority) AuthenticatedPages(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	if refuse == nil {
		refuse = a.writeError
	}
	direct := a.Authenticated(next, refuse)
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(a.cookieName(sessionCookie))
		if err != nil || r.Header.Get("Authorization") != "" || bool(a.open) {
			direct.ServeHTTP(w, r)
			return
		}
		p, err := a.Authenticate(r.Context(), c.Value, SessionToken)
		switch {
		case errors.Is(err, artifact.ErrUnverified):
			a.setCookie(w, sessionCookie, "", -1)
			p = Nobody()
		case err != nil:
			refuse(w, r, err)
			return
		default:
			if err := protection.Check(r); err != nil {
				refuse(w, r, denied("request from another site: %v", err))
				return
			}
		}
		ctx := With(r.Context(), p)
		if p.LoggedIn() {
			ctx = withAgain(ctx, func(ctx context.Context) (Principal, error) { return a.Authenticate(ctx, c.Value, SessionToken) })
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
