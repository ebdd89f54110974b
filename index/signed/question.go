package signed

import (
	"net/http"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// The codes that the HTTP API gives too; a test holds both to the same.
const (
	codeInvalidBody       = "invalid_body"
	codePluginNotFound    = "plugin_not_found"
	codeNothingCompatible = "nothing_compatible"
	codeGenerationUnknown = "generation_unknown"
)

// fitOf reads what the host can run.
func fitOf(q index.Query) (catalog.Fit, error) {
	if q.MinimumAge != "" {
		return catalog.Fit{}, problem(http.StatusBadRequest, index.CodeInvalidParameter, "minimum_age: a signed catalog does not say since when versions are public",
			"ask the server of the catalog, whose publication log says it")
	}
	return catalog.ParseFit(q)
}

// queryOf reads a question.
func queryOf(q index.Query) (catalog.Query, error) {
	if _, err := fitOf(q); err != nil {
		return catalog.Query{}, err
	}
	return catalog.ParseQuery(q, q.Values())
}

func problem(status int, code, detail string, fixes ...string) *index.Problem {
	return &index.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code, Fixes: fixes}
}

func invalid(code string, err error, fixes ...string) *index.Problem {
	text := err.Error()
	for _, kind := range []error{artifact.ErrInvalid, artifact.ErrNotFound} {
		text = strings.TrimSuffix(text, ": "+kind.Error())
	}
	return problem(http.StatusBadRequest, code, text, fixes...)
}
