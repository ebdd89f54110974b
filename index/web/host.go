package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// hostCookie keeps the host that a reader chose. It tells of nobody.
const hostCookie = "oarlock_host"

// A Host is what pages are fitted to: chosen once, or named in the URL, which
// wins so that a link shows everybody the same.
type Host struct{ ID, Version, Platform string }

// Chosen reports whether h narrows anything.
func (h Host) Chosen() bool { return h != Host{} }

// hostOf is the host of the question, else the one that the reader chose.
func hostOf(r *http.Request) Host {
	q := r.URL.Query()
	if q.Has("host") || q.Has("host_version") || q.Has("platform") {
		return Host{q.Get("host"), q.Get("host_version"), q.Get("platform")}
	}
	c, err := r.Cookie(hostCookie)
	if err != nil {
		return Host{}
	}
	v, err := url.ParseQuery(c.Value)
	if err != nil {
		return Host{}
	}
	h := Host{v.Get("host"), v.Get("version"), v.Get("platform")}
	if h.check() != nil {
		return Host{}
	}
	return h
}

// into adds h to the parameters of a question.
func (h Host) into(q url.Values) url.Values {
	for key, value := range map[string]string{"host": h.ID, "host_version": h.Version, "platform": h.Platform} {
		if value == "" {
			q.Del(key)
		} else {
			q.Set(key, value)
		}
	}
	return q
}

func (h Host) check() error {
	if h.ID != "" {
		if _, err := artifact.ParseHostID(h.ID); err != nil {
			return err
		}
	}
	if h.Version != "" {
		if _, err := artifact.ParseHostVersion(h.Version); err != nil {
			return index.NewProblem(index.CodeInvalidHostVersion, err.Error(), "write a version such as 2.1.0")
		}
	}
	if h.Platform != "" {
		if _, err := artifact.ParseKnownPlatform(h.Platform); err != nil {
			return err
		}
	}
	if h.Version != "" && h.ID == "" {
		return index.NewProblem(index.CodeInvalid, "a host version came without a host", "choose the host too")
	}
	return nil
}

// chooseHost keeps the host of a form, and goes back to the page it came from.
func (s *Site) chooseHost(c echo.Context) error {
	h := Host{c.FormValue("host"), strings.TrimSpace(c.FormValue("host_version")), strings.TrimSpace(c.FormValue("platform"))}
	if c.FormValue("clear") != "" {
		h = Host{}
	}
	if err := h.check(); err != nil {
		return err
	}
	v := url.Values{"host": {h.ID}, "version": {h.Version}, "platform": {h.Platform}}
	cookie := &http.Cookie{Name: hostCookie, Value: v.Encode(), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(s.PublicURL, "https://"), MaxAge: 365 * 24 * 3600}
	if !h.Chosen() {
		cookie.Value, cookie.MaxAge = "", -1
	}
	c.SetCookie(cookie)
	return c.Redirect(http.StatusSeeOther, localPath(c.FormValue("back")))
}

// localPath is a path on this site, without a host of its own question: what
// was chosen just now is what counts.
func localPath(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, `\`) {
		return "/"
	}
	q := u.Query()
	for _, key := range []string{"host", "host_version", "platform", "cursor", "generation"} {
		q.Del(key)
	}
	u.RawQuery, u.Fragment = q.Encode(), ""
	return u.String()
}
