package app

import (
	"bytes"
	"testing"

	"github.com/oarlock/oarlock/index"
)

// Proves B4: after a registry was adopted, an admin finds the names that nobody
// owns, page by page between those that somebody does; nobody else sees them.
func TestAnAdminFindsTheNamesThatAreHeld_B4(t *testing.T) {
	t.Parallel()
	c := lostSite(t)
	var notice bytes.Buffer
	o := options(&notice)
	o.AdoptRegistry = true
	s, _ := startBy(t, c, o)
	admin := tokenText.FindString(notice.String())
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "mitte"}, 201)
	want := []index.Namespace{{Name: "acme", Held: true}, {Name: "mitte"}, {Name: "secretco", Held: true}}
	for _, limit := range []string{"1", "2", "3", "100"} {
		var got []index.Namespace
		for cursor := ""; ; {
			page := ask[index.NamespaceList](t, s, admin, "GET", "/api/v1/namespaces?limit="+limit+"&cursor="+cursor, nil, 200)
			got = append(got, page.Items...)
			if page.NextCursor == "" || len(got) > len(want) {
				break
			}
			cursor = page.NextCursor
		}
		if len(got) != len(want) {
			t.Fatalf("limit %s: got %+v", limit, got)
		}
		for i, n := range got {
			if n.Name != want[i].Name || n.Held != want[i].Held || n.Held && !n.Private {
				t.Errorf("limit %s: got %+v, want %+v", limit, n, want[i])
			}
		}
	}
	if got := ask[index.NamespaceList](t, s, accountOf(t, s, admin, "eve"), "GET", "/api/v1/namespaces", nil, 200).Items; len(got) != 1 || got[0].Held {
		t.Errorf("another account sees %+v", got)
	}
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	if got := ask[index.NamespaceList](t, s, admin, "GET", "/api/v1/namespaces?limit=1", nil, 200).Items; len(got) != 1 || got[0].Name != "acme" || got[0].Held {
		t.Errorf("once it is claimed: %+v", got)
	}
}
