package registry

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"path"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// maxSessions is how many uploads that have no bytes yet are kept in memory;
// more are begun in storage.
const maxSessions = 1 << 16

// sessions are the uploads that were begun here and have no bytes yet. Most
// end with one PUT of the whole blob and then never touch storage.
type sessions struct {
	mu   sync.Mutex
	open map[string]session // by id
}

type session struct {
	repo  string
	began time.Time
}

// begin makes a session; false when there are too many.
func (s *sessions) begin(repo string, now time.Time) (id string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= maxSessions {
		return "", false
	}
	if s.open == nil {
		s.open = map[string]session{}
	}
	id = uuid.NewString()
	s.open[id] = session{repo, now.UTC()}
	return id, true
}

// get is the session id of repo; false when it is in storage or nowhere.
func (s *sessions) get(repo, id string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.open[id]
	return one, ok && one.repo == repo
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, id)
}

// purge ends what began before at, and says how many that were.
func (s *sessions) purge(at time.Time) (gone int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, one := range s.open {
		if one.began.Before(at) {
			delete(s.open, id)
			gone++
		}
	}
	return gone
}

// oldest says when the oldest session of repo began; false when there is none.
func (s *sessions) oldest(repo string) (began time.Time, any bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.open {
		if one.repo == repo && (!any || one.began.Before(began)) {
			began, any = one.began, true
		}
	}
	return began, any
}

func (s *sessions) all() map[string]session {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]session, len(s.open))
	for id, one := range s.open {
		all[id] = one
	}
	return all
}

// uploadState is what a Location carries, in the form that distribution's
// handler reads and writes: the id and how far the upload is, signed.
type uploadState struct {
	Name      string
	UUID      string
	Offset    int64
	StartedAt time.Time
}

// sessionURL is where the session id of repo goes on.
func (g *Registry) sessionURL(id string, s session) (string, error) {
	state, err := json.Marshal(uploadState{Name: s.repo, UUID: id, StartedAt: s.began})
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, []byte(g.storage.UploadSecret()))
	mac.Write(state)
	token := base64.URLEncoding.EncodeToString(append(mac.Sum(nil), state...))
	return "/v2/" + s.repo + "/blobs/uploads/" + id + "?" + url.Values{"_state": {token}}.Encode(), nil
}

// materialise puts a session into storage, where distribution's handler finds it.
func (g *Registry) materialise(ctx context.Context, id string, s session) error {
	dir := path.Join(driver.RepositoryRoot, s.repo, "_uploads", id)
	if err := g.driver.PutContent(ctx, path.Join(dir, "startedat"), []byte(s.began.Format(time.RFC3339))); err != nil {
		return err
	}
	if g.driver.Root() == "" { // an object that is to grow has to be begun
		w, err := g.driver.Writer(ctx, path.Join(dir, "data"), false)
		if err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	g.sessions.end(id)
	return nil
}

// keepSessions lets the sessions outlive the process.
func (g *Registry) keepSessions(ctx context.Context) {
	for id, s := range g.sessions.all() {
		if err := g.materialise(ctx, id, s); err != nil {
			g.log.WarnContext(ctx, "registry: uploads that have no bytes yet end with the process", "err", err)
			return
		}
	}
}

// OldestUpload says when the oldest upload of repo that has no bytes yet began;
// false when there is none.
func (g *Registry) OldestUpload(repo string) (began time.Time, found bool) {
	return g.sessions.oldest(repo)
}
