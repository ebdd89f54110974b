package quirk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// maxPage is the bytes of a page that are looked at; oras reads no longer ones.
const maxPage = 4 << 20

// pageKeys are the keys of the lists, by what the paths of their pages hold.
var pageKeys = []struct{ path, key string }{
	{"/tags/list", "tags"}, {"/v2/_catalog", "repositories"}, {"/referrers/", "manifests"}, {"/manifests/", "manifests"},
}

// checkPage refuses a page that has no list where its list belongs: libraries
// take that for an empty list, and who mirrors or verifies for one that was said
// to be empty. What is no JSON object is left to who reads the page.
//
// "tags": null is taken for an empty list, on its only page: version 2 of the
// distribution project's registry writes it for a repository of which every tag
// was deleted (version 3 writes []).
//
// Source: OCI distribution 1.1, "Listing Tags", "Listing Referrers".
func checkPage(path string, resp *http.Response) error {
	key := ""
	for _, k := range pageKeys {
		if strings.Contains(path, k.path) {
			key = k.key
			break
		}
	}
	if key == "" {
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxPage+1))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	rest := resp.Body
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(raw), rest), rest}
	var page map[string]json.RawMessage
	if len(raw) > maxPage || json.Unmarshal(raw, &page) != nil || page == nil {
		return nil
	}
	list := bytes.TrimSpace(page[key])
	switch {
	case list == nil:
		return fmt.Errorf("%s: the page has no %q, expected a list: %w", path, key, artifact.ErrInvalid)
	case !bytes.Equal(list, []byte("null")):
		return nil // a value of another type is an error of whoever reads it
	case key == "tags" && page["name"] != nil && resp.Header.Get("Link") == "":
		return nil
	}
	return fmt.Errorf("%s: %q is null, expected a list, [] where it is empty: %w", path, key, artifact.ErrInvalid)
}
