package catalog

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Questions are read here for the HTTP API and for a signed catalog: both refuse the same,
// in the same words.

// ParseFit reads what a host can run. MinimumAge of q is for who knows ages. Its errors are
// *index.Problem.
func ParseFit(q index.Query) (Fit, error) {
	f := Fit{Prerelease: q.Prerelease, Channel: q.Channel}
	var err error
	if q.Host != "" {
		if f.Host, err = artifact.ParseHostID(q.Host); err != nil {
			return f, malformed(err)
		}
	}
	if q.HostVersion != "" {
		if f.HostVersion, err = artifact.ParseHostVersion(q.HostVersion); err != nil {
			return f, index.NewProblem(index.CodeInvalidHostVersion, sayable(err), "use SemVer such as 2.1.0, 2.1 or v2")
		}
		if q.Host == "" {
			return f, index.NewProblem(index.CodeInvalidParameter, "host_version came without host", "name the host too: host=ID")
		}
	}
	if q.Platform != "" {
		if f.Platform, err = artifact.ParseKnownPlatform(q.Platform); err != nil {
			return f, malformed(err)
		}
	}
	if q.Channel != "" {
		if _, err = artifact.ParseChannel(q.Channel); err != nil {
			return f, malformed(err)
		}
	}
	return f, nil
}

// ParseQuery reads a question: q, and its filters of several values from values, where
// they come repeated or with commas between. What is not set does not filter. Its errors
// are *index.Problem.
func ParseQuery(q index.Query, values url.Values) (Query, error) {
	fit, err := ParseFit(q)
	if err != nil {
		return Query{}, err
	}
	several := func(key string) []string { return several(values, key) }
	out := Query{Fit: fit, Text: q.Text, Source: q.Source, Sort: q.Sort, Limit: min(q.Limit, MaxLimit), Cursor: q.Cursor,
		Categories: several("category"), Publishers: several("publisher"), Licenses: several("license"), Niches: several("niche"),
		Tiers: several("tier"), States: several("state"), Facets: several("facets"), Has: several("has"), Builders: several("builder"),
		Signatures: several("signature")}
	if out.Verified, err = yesOrNo("verified", q.Verified); err != nil {
		return out, err
	}
	if out.PublisherVerified, err = yesOrNo("publisher_verified", q.PublisherVerified); err != nil {
		return out, err
	}
	for _, status := range out.Signatures {
		if !index.IsSignatureStatus(strings.ToLower(status)) {
			return out, index.NewProblem(index.CodeInvalidParameter, fmt.Sprintf("signature: %.40q came, expected one of verified, unverified, unsigned, invalid", status))
		}
	}
	for _, state := range out.States {
		if !slices.Contains(states, strings.ToLower(state)) {
			return out, index.NewProblem(index.CodeInvalidParameter, fmt.Sprintf("state: %.40q came, expected one of %s", state, strings.Join(states, ", ")))
		}
	}
	return out, nil
}

// states are those that a list may ask for.
var states = []string{string(index.StateActive), string(index.StateDeprecated), string(index.StateSuspended), string(index.StateRemoved),
	string(index.StateEmergencyRemoved), string(index.StateDeleted)}

// several reads a parameter that takes several values. It stops behind MaxValues of
// them, which Query then refuses.
func several(values url.Values, key string) []string {
	var out []string
	for _, v := range values[key] {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(out, part) {
				if out = append(out, part); len(out) > MaxValues {
					return out
				}
			}
		}
	}
	return out
}

// yesOrNo reads a parameter that is true, false or not there.
func yesOrNo(name, text string) (*bool, error) {
	if text == "" {
		return nil, nil
	}
	yes, err := strconv.ParseBool(text)
	if err != nil {
		return nil, index.NewProblem(index.CodeInvalidParameter, fmt.Sprintf("%s: %.40q came, expected true or false", name, text))
	}
	return &yes, nil
}

// ProblemOf says what Query or CursorGeneration found wrong with a question. What is of
// no kind stays as it is.
func ProblemOf(err error) error {
	switch {
	case errors.Is(err, ErrGenerationGone):
		return index.NewProblem(index.CodeGenerationGone, sayable(err), "ask without cursor for the first page")
	case errors.Is(err, ErrSortUnavailable):
		return index.NewProblem(index.CodeSortUnavailable, sayable(err), "leave sort out, or use relevance, name or updated")
	case !errors.Is(err, artifact.ErrInvalid):
		return err
	}
	if _, of := errors.AsType[*CursorError](err); of {
		return index.NewProblem(index.CodeInvalidCursor, sayable(err), "ask without cursor for the first page")
	}
	return malformed(err)
}

func malformed(err error) *index.Problem {
	return index.NewProblem(index.CodeInvalidParameter, sayable(err), "the parameters are described at /api/docs")
}

// maxSaid is the bytes that a refusal says at most of what came.
const maxSaid = 4800

// sayable is err without the kind that its code says.
func sayable(err error) string {
	text := err.Error()
	for _, kind := range []error{artifact.ErrInvalid, artifact.ErrNotFound} {
		text = strings.TrimSuffix(text, ": "+kind.Error())
	}
	if len(text) > maxSaid {
		text = strings.ToValidUTF8(text[:maxSaid], "") + "…"
	}
	return text
}
