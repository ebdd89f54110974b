package quirk

import (
	"net/http"
	"strings"
	"sync"

	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	format "github.com/oarlock/oarlock/artifact/ledger"
)

// loginFirst is a client that logs in before it asks. Others log in when they
// are refused; a repository that answers strangers too, and leaves out what is not
// for them, refuses nobody, so that they would never see the rest.
type loginFirst struct {
	remote.Client
	base string // of the registry's API

	mu    sync.Mutex
	asked map[string]bool // the scopes for which it has a token, or needs none
}

// logInFirst is c for repo: one that logs in first where strangers are shown less.
func logInFirst(repo *remote.Repository, c remote.Client) remote.Client {
	if !strings.HasSuffix("/"+repo.Reference.Repository, "/"+format.PublishersRepository) {
		return c
	}
	scheme := "https"
	if repo.PlainHTTP {
		scheme = "http"
	}
	return &loginFirst{Client: c, base: scheme + "://" + repo.Reference.Host() + "/v2/", asked: map[string]bool{}}
}

// Do asks the base of the API, which asks everybody who they are, with the scopes
// of r, and then r. A login that is refused is the answer to r: without it, less
// would look like all there is.
func (l *loginFirst) Do(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	scopes := strings.Join(auth.GetAllScopesForHost(r.Context(), r.URL.Host), " ")
	if l.asked[scopes] || !strings.HasPrefix(r.URL.String(), l.base) {
		return l.unlocked(r)
	}
	ask, err := http.NewRequestWithContext(r.Context(), http.MethodGet, l.base, nil)
	if err != nil {
		return nil, err
	}
	resp, err := l.Client.Do(ask)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode >= http.StatusInternalServerError {
		return resp, nil
	}
	if err := resp.Body.Close(); err != nil {
		return nil, err
	}
	l.asked[scopes] = true
	return l.unlocked(r)
}

// unlocked is r while others ask, too.
func (l *loginFirst) unlocked(r *http.Request) (*http.Response, error) {
	l.mu.Unlock()
	defer l.mu.Lock()
	return l.Client.Do(r)
}
