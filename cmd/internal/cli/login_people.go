package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/oarlock/oarlock/artifact"
)

// maxLogin is how long a person may take in the browser.
const maxLogin = 10 * time.Minute

// personal is the token that a login of a person ends with.
type personal struct {
	Token     string `json:"token"`
	Principal string `json:"principal"`
}

// origin is the URL of a registry.
func (c *console) origin(ctx context.Context, host string) string {
	return c.scheme(ctx, host) + "://" + host
}

// loginBrowser has a person log in with a browser on this machine, which comes
// back to a port on loopback.
//
// Source: RFC 8252, RFC 7636.
func (c *console) loginBrowser(ctx context.Context, host string) (personal, error) {
	ctx, cancel := context.WithTimeout(ctx, maxLogin)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return personal{}, err
	}
	state, verifier, codes := rand.Text(), oauth2.GenerateVerifier(), make(chan string, 1)
	back := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if r.URL.Path != "/done" || r.URL.Query().Get("state") != state {
			http.Error(w, "this is not the login that was begun", http.StatusBadRequest)
			return
		}
		io.WriteString(w, "Logged in. This window may be closed.\n")
		select {
		case codes <- r.URL.Query().Get("code"):
		default:
		}
	})}
	served := make(chan error, 1)
	go func() { served <- back.Serve(l) }()
	defer func() { _ = back.Shutdown(context.WithoutCancel(ctx)) }()
	q := url.Values{
		"redirect_uri": {"http://" + l.Addr().String() + "/done"}, "state": {state}, "label": {"oarlock"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	if err := c.loginOffered(ctx, host, q); err != nil {
		return personal{}, err
	}
	fmt.Fprintf(c.Err, "open this in a browser on this machine:\n  %s/auth/cli?%s\n", c.origin(ctx, host), q.Encode())
	select {
	case code := <-codes:
		return c.loginForm(ctx, host, "/auth/cli/token", url.Values{"code": {code}, "code_verifier": {verifier}})
	case err := <-served:
		return personal{}, err
	case <-ctx.Done():
		return personal{}, fmt.Errorf("nobody logged in: %w", context.Cause(ctx))
	}
}

// loginOffered asks the server what the browser is about to ask it, so that one
// that cannot let people in says so here, where somebody waits.
func (c *console) loginOffered(ctx context.Context, host string, q url.Values) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.origin(ctx, host)+"/auth/cli?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", c.userAgent())
	stay := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := stay.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSeeOther {
		return nil
	}
	return loginRefused(host, r.URL.Path, resp)
}

// loginDevice has a person log in with a browser on any machine.
//
// Source: RFC 8628.
func (c *console) loginDevice(ctx context.Context, host string) (personal, error) {
	var began struct {
		Handle   string `json:"handle"`
		UserCode string `json:"user_code"`
		At       string `json:"verification_uri"`
		Interval int64  `json:"interval"`
		Expires  int64  `json:"expires_in"`
	}
	if err := c.post(ctx, host, "/auth/device", url.Values{"label": {"oarlock"}}, &began); err != nil {
		return personal{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, min(maxLogin, time.Duration(began.Expires)*time.Second))
	defer cancel()
	fmt.Fprintf(c.Err, "open %s in any browser and type the code %s\n", line(began.At), line(began.UserCode))
	wait := time.Duration(max(began.Interval, 1)) * time.Second
	for {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return personal{}, fmt.Errorf("nobody logged in: %w", context.Cause(ctx))
		}
		p, err := c.loginForm(ctx, host, "/auth/device/token", url.Values{"handle": {began.Handle}})
		var said *oauthError
		switch {
		case errors.As(err, &said) && said.Code == "slow_down":
			wait += 5 * time.Second
		case errors.As(err, &said) && said.Code == "authorization_pending":
		default:
			return p, err
		}
	}
}

func (c *console) loginForm(ctx context.Context, host, path string, form url.Values) (personal, error) {
	var p personal
	err := c.post(ctx, host, path, form, &p)
	return p, err
}

// oauthError is what a login server refuses with. It wraps artifact.ErrDenied.
type oauthError struct {
	Code   string `json:"error"`
	Detail string `json:"error_description"`
}

func (e *oauthError) Error() string {
	if e.Detail == "" {
		return e.Code
	}
	return e.Detail
}

// Unwrap makes errors.Is(err, artifact.ErrDenied) hold.
func (e *oauthError) Unwrap() error { return artifact.ErrDenied }

// post sends a form to the login server of a registry.
func (c *console) post(ctx context.Context, host, path string, form url.Values, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.origin(ctx, host)+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", c.userAgent())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return loginRefused(host, path, resp)
	}
	return decodeAnswer(resp, into)
}

// loginRefused is what an answer of a login server means that is not the one
// that was hoped for.
func loginRefused(host, path string, resp *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	var no oauthError
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%s: people do not log in there through a provider: log in with a token, -u NAME --password-stdin: %w", host, artifact.ErrNotFound)
	case json.Unmarshal(raw, &no) == nil && no.Code != "":
		return fmt.Errorf("%s: %w", host, &no)
	}
	return fmt.Errorf("%s%s: %s", host, path, resp.Status)
}
