package app

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
)

// orders are what is first in the lists that are in order of updates: of the
// API, by pages of one, and of the start page.
func orders(t *testing.T, s *Server) string {
	t.Helper()
	var ids []string
	for cursor := ""; ; {
		page := ask[index.Page](t, s, "", "GET", "/api/v1/plugins?sort=updated&limit=1&cursor="+cursor, nil, 200)
		for _, row := range page.Items {
			ids = append(ids, row.ID)
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	resp, err := visitor.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	html, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	on := "the start page shows not all"
	liar, honest := bytes.Index(html, []byte("/plugins/acme/liar")), bytes.Index(html, []byte("/plugins/acme/honest"))
	switch {
	case liar < 0 || honest < 0:
	case honest < liar:
		on = "the start page too"
	default:
		on = "the start page not"
	}
	return strings.Join(ids, " ") + ", " + on
}

// C4: what came last is first, whatever it says of itself, and stays so after a
// restart, a lost checkpoint and a rebuild; C1: the digest knows nothing of it.
func TestTheOrderOfUpdatesIsByPublication_C1_C4(t *testing.T) {
	t.Parallel()
	for name, dev := range map[string]bool{"for trying out": true, "with accounts": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var notice bytes.Buffer
			c := configured(t)
			c.Dev, c.Trust = dev, everybodyListed(t)
			s, stop := startWith(t, c, &notice)
			token := tokenText.FindString(notice.String())
			if !dev {
				ask[any](t, s, token, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
				ask[any](t, s, token, "PATCH", "/api/v1/namespaces/acme", map[string]any{"private": false}, 200)
			}
			began := time.Now().Add(-time.Microsecond)
			publish(t, s, token, `{"id": "acme/liar", "version": "1.0.0", "created": "2999-01-01T00:00:00Z", "engines": {"acme-editor": "*"}}`)
			publish(t, s, token, `{"id": "acme/honest", "version": "1.0.0", "created": "2020-01-01T00:00:00Z", "engines": {"acme-editor": "*"}}`)
			ended := time.Now()
			const want = "acme/honest acme/liar, the start page too"
			published := map[string]time.Time{}
			check := func(when string, s *Server) {
				t.Helper()
				if got := orders(t, s); got != want {
					t.Errorf("%s: %s, expected %s", when, got, want)
				}
				for _, id := range []string{"acme/liar", "acme/honest"} {
					v := ask[index.VersionDetail](t, s, "", "GET", "/api/v1/plugins/"+id+"/versions/1.0.0", nil, 200)
					row := ask[index.Detail](t, s, "", "GET", "/api/v1/plugins/"+id, nil, 200)
					if v.PublishedAt == nil || v.PublishedAt.Before(began) || v.PublishedAt.After(ended) || row.UpdatedAt == nil || !row.UpdatedAt.Equal(*v.PublishedAt) {
						t.Fatalf("%s: %s was published %v and updated %v, between %v and %v", when, id, v.PublishedAt, row.UpdatedAt, began, ended)
					}
					if before, ok := published[id]; ok && !before.Equal(*v.PublishedAt) {
						t.Errorf("%s: %s was published %v, before that %v", when, id, v.PublishedAt, before)
					}
					published[id] = *v.PublishedAt
					if y := v.CreatedAt.Year(); y != 2999 && y != 2020 {
						t.Errorf("%s: created in %d", when, y)
					}
				}
			}
			check("after the pushes", s)
			digest := s.index.live.Current().Snapshot.Digest()
			s, stop = again(t, c, stop)
			check("after a restart", s)
			lose(t, c, stop)
			s, _ = start(t, c)
			check("without checkpoint", s)
			ask[any](t, s, token, "POST", "/api/v1/admin/rebuild", nil, 200)
			check("after a rebuild", s)
			if got := s.index.live.Current().Snapshot.Digest(); got != digest {
				t.Errorf("digest %s, before %s", got, digest)
			}
		})
	}
}

// again is a server after another over the same data.
func again(t *testing.T, c config.Config, stop func() error) (*Server, func() error) {
	t.Helper()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	return start(t, c)
}

// B7: the time of a publication is that of its audit row.
func TestTheTimeOfAPublicationIsThatOfItsAuditRow_B7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	pushAs(t, s, admin, 1)
	ended := time.Now()
	rows := ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit?action=plugin:publish", nil, 200)
	v := ask[index.VersionDetail](t, s, admin, "GET", "/api/v1/plugins/acme/p1/versions/1.1.0", nil, 200)
	if len(rows.Items) != 1 || v.PublishedAt == nil || v.PublishedAt.Before(rows.Items[0].At.Truncate(time.Microsecond)) || v.PublishedAt.After(ended) {
		t.Errorf("published %v, audit rows %+v", v.PublishedAt, rows.Items)
	}
}
