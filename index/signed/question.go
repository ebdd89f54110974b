package signed

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// The codes that the HTTP API gives too; a test holds both to the same.
const (
	codeInvalidParameter  = "invalid_parameter"
	codeInvalidCursor     = "invalid_cursor"
	codeInvalidBody       = "invalid_body"
	codePluginNotFound    = "plugin_not_found"
	codeNothingCompatible = "nothing_compatible"
	codeGenerationUnknown = "generation_unknown"
)

// fitOf reads what the host can run.
func fitOf(q index.Query) (catalog.Fit, error) {
	f := catalog.Fit{Prerelease: q.Prerelease, Channel: q.Channel}
	if q.MinimumAge != "" {
		return f, problem(http.StatusBadRequest, codeInvalidParameter, "minimum_age: a signed catalog does not say since when versions are public",
			"ask the server of the catalog, whose publication log says it")
	}
	var err error
	if q.Host != "" {
		if f.Host, err = artifact.ParseHostID(q.Host); err != nil {
			return f, invalid(codeInvalidParameter, err)
		}
	}
	if q.HostVersion != "" {
		if f.HostVersion, err = artifact.ParseHostVersion(q.HostVersion); err != nil {
			return f, invalid(index.CodeInvalidHostVersion, err, "use SemVer such as 2.1.0, 2.1 or v2")
		}
		if q.Host == "" {
			return f, problem(http.StatusBadRequest, codeInvalidParameter, "host_version came without host", "name the host too")
		}
	}
	if q.Platform != "" {
		if f.Platform, err = artifact.ParseKnownPlatform(q.Platform); err != nil {
			return f, invalid(codeInvalidParameter, err)
		}
	}
	if q.Channel != "" {
		if _, err = artifact.ParseChannel(q.Channel); err != nil {
			return f, invalid(codeInvalidParameter, err)
		}
	}
	return f, nil
}

// queryOf reads a question. What is not set does not filter.
func queryOf(q index.Query) (catalog.Query, error) {
	fit, err := fitOf(q)
	if err != nil {
		return catalog.Query{}, err
	}
	out := catalog.Query{Fit: fit, Text: q.Text, Source: q.Source, Sort: q.Sort, Limit: min(q.Limit, catalog.MaxLimit), Cursor: q.Cursor,
		Categories: several(q.Category), Publishers: several(q.Publisher), Licenses: several(q.License), Niches: several(q.Niche),
		Tiers: several(q.Tier), States: several(q.State), Has: several(q.Has), Builders: several(q.Builder), Signatures: several(q.Signature), Facets: q.Facets}
	if out.Verified, err = yesOrNo("verified", q.Verified); err != nil {
		return out, err
	}
	if out.PublisherVerified, err = yesOrNo("publisher_verified", q.PublisherVerified); err != nil {
		return out, err
	}
	for _, status := range out.Signatures {
		if !index.IsSignatureStatus(strings.ToLower(status)) {
			return out, problem(http.StatusBadRequest, codeInvalidParameter, fmt.Sprintf("signature: %.40q came, expected one of verified, unverified, unsigned, invalid", status))
		}
	}
	for _, state := range out.States {
		if !slices.Contains(states, index.PluginState(strings.ToLower(state))) {
			return out, problem(http.StatusBadRequest, codeInvalidParameter,
				fmt.Sprintf("state: %.40q came, expected one of active, deprecated, suspended, removed, emergency-removed, deleted", state))
		}
	}
	return out, nil
}

// yesOrNo reads a parameter that is true, false or not there.
func yesOrNo(name, text string) (*bool, error) {
	if text == "" {
		return nil, nil
	}
	yes, err := strconv.ParseBool(text)
	if err != nil {
		return nil, problem(http.StatusBadRequest, codeInvalidParameter, fmt.Sprintf("%s: %.40q came, expected true or false", name, text))
	}
	return &yes, nil
}

var states = []index.PluginState{index.StateActive, index.StateDeprecated, index.StateSuspended, index.StateRemoved,
	index.StateEmergencyRemoved, index.StateDeleted}

// several are the values of a filter with commas between.
func several(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(out, part) {
			out = append(out, part)
		}
	}
	return out
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
