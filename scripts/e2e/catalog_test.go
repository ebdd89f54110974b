//go:build e2e

package e2e

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
)

// A version is what the catalog API says of one plugin version.
type version struct {
	Version   string `json:"version"`
	Digest    string `json:"digest"`
	Signature struct {
		Status string `json:"status"`
		Format string `json:"format"`
		Signer string `json:"signer"`
	} `json:"signature"`
	Pending *struct {
		Reasons []reason `json:"reasons"`
	} `json:"pending"`
}

type reason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// A plugin is one row of a catalog answer.
type plugin struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Version string            `json:"version"`
	Digest  string            `json:"digest"`
	License string            `json:"license"`
	Engines map[string]string `json:"engines"`
}

// plugins asks the catalog; the query is that of GET /api/v1/plugins.
func (s *server) plugins(t *testing.T, query string) []plugin {
	t.Helper()
	var answer struct {
		Items []plugin `json:"items"`
	}
	if err := s.get("/api/v1/plugins?"+query, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Items
}

// listed waits until the catalog lists a plugin at a version and returns the row.
func (s *server) listed(t *testing.T, id, want string) plugin {
	t.Helper()
	var row plugin
	until(t, fmt.Sprintf("the catalog lists %s %s", id, want), func() error {
		var answer struct {
			Items []plugin `json:"items"`
		}
		if err := s.get("/api/v1/plugins?limit=100", &answer); err != nil {
			return err
		}
		for _, row = range answer.Items {
			if row.ID == id && row.Version == want {
				return nil
			}
		}
		return fmt.Errorf("it lists %+v", answer.Items)
	})
	return row
}

// version asks for one plugin version.
func (s *server) version(id, v string) (version, error) {
	var answer version
	err := s.get("/api/v1/plugins/"+id+"/versions/"+url.PathEscape(v), &answer)
	return answer, err
}

// signed waits until the catalog says that a version's signature is verified.
func (s *server) signed(t *testing.T, id, v, format string) {
	t.Helper()
	until(t, fmt.Sprintf("%s %s shows as signed (%s)", id, v, format), func() error {
		got, err := s.version(id, v)
		if err != nil {
			return err
		}
		if got.Signature.Status != "verified" || got.Signature.Format != format || got.Pending != nil {
			return fmt.Errorf("the catalog says %+v, pending %+v, want verified, %s, not pending", got.Signature, got.Pending, format)
		}
		return nil
	})
}

// pending waits until the catalog says that a version waits for the reason given.
func (s *server) pending(t *testing.T, id, v, code string) {
	t.Helper()
	until(t, fmt.Sprintf("%s %s is pending as %s", id, v, code), func() error {
		got, err := s.version(id, v)
		if err != nil {
			return err
		}
		if got.Pending == nil || !slices.ContainsFunc(got.Pending.Reasons, func(r reason) bool { return r.Code == code }) {
			return fmt.Errorf("the catalog says %+v, pending %+v", got.Signature, got.Pending)
		}
		return nil
	})
}

// catalogDigest is the digest of the catalog that the server answers from.
func (s *server) catalogDigest(t *testing.T) string {
	t.Helper()
	var answer struct {
		Digest string `json:"catalog_digest"`
	}
	if err := s.get("/api/v1/catalog", &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Digest == "" {
		t.Fatal("GET /api/v1/catalog: no catalog_digest")
	}
	return answer.Digest
}
