package tenant

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/configschema"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// judged remembers which schemas take which configurations: both by their digests.
type judged struct{ known *lru.Cache[[2]string, string] }

// mostJudged is how many judgements are remembered.
const mostJudged = 4096

func newJudged() *judged {
	known, err := lru.New[[2]string, string](mostJudged)
	if err != nil { // mostJudged is above 0
		return &judged{}
	}
	return &judged{known}
}

// schemaOf is the schema of a version's configuration, with its digest; nil and ""
// where it has none. An error means that the schema cannot be used.
func schemaOf(v *catalog.Version) (*configschema.Schema, string, error) {
	sum, err := schemaDigest(v)
	if err != nil || sum == "" {
		return nil, "", err
	}
	s, err := configschema.Parse(v.Plugin.ConfigSchema)
	return s, sum, err
}

func schemaDigest(v *catalog.Version) (string, error) {
	switch {
	case v.Plugin == nil:
		return "", errors.New("the version cannot be read")
	case len(v.Plugin.ConfigSchema) == 0:
		return "", nil
	}
	return digest.FromBytes(v.Plugin.ConfigSchema).String(), nil
}

// takes says of versions why they do not take the configuration of i: nil where they
// do. Where there is none, every version does.
func (s *Service) takes(ctx context.Context, id string, rows Rows, i Install) func(v *catalog.Version) *index.Reason {
	if i.Config.Revision == 0 {
		return nil
	}
	return func(v *catalog.Version) *index.Reason {
		undecided := func(err error) *index.Reason {
			return &index.Reason{Code: index.CodeConfigUndecided,
				Detail: fmt.Sprintf("whether %s takes the configuration could not be told: %s", v.Version, plainly(err))}
		}
		sum, err := schemaDigest(v)
		if err != nil {
			return undecided(err)
		}
		if sum == "" || sum == i.Config.Schema {
			return nil
		}
		key := [2]string{sum, i.Config.Digest}
		why, known := s.taken.known.Get(key)
		if !known {
			if why, err = s.refusal(ctx, id, rows, i, v); err != nil {
				return undecided(err)
			}
			s.taken.known.Add(key, why)
		}
		if why == "" {
			return nil
		}
		return &index.Reason{Code: index.CodeConfigBlocked, Detail: fmt.Sprintf("%s does not take the configuration: %s", v.Version, why)}
	}
}

// plainly is an error as anybody may read it: what else went wrong is for the log.
func plainly(err error) string {
	if errors.Is(err, configschema.ErrSteps) || errors.Is(err, artifact.ErrInvalid) {
		return err.Error()
	}
	return "it cannot be opened now"
}

// refusal is why a version does not take the configuration of i; "" where it does.
func (s *Service) refusal(ctx context.Context, id string, rows Rows, i Install, v *catalog.Version) (string, error) {
	schema, _, err := schemaOf(v)
	if err != nil {
		return "", err
	}
	c, err := rows.Configs().Revision(ctx, i.Plugin, i.Config.Revision)
	if err != nil {
		return "", err
	}
	doc, err := s.openConfig(ctx, id, c)
	if err != nil {
		return "", err
	}
	bad, err := schema.Validate(doc)
	return said(bad), err
}

// said are problems in one line, the first of them.
func said(bad []artifact.Problem) string {
	var out []string
	for i, p := range bad {
		if i == mostNamed {
			out = append(out, "…")
			break
		}
		place := p.Place
		if place == "" {
			place = "the whole"
		}
		out = append(out, place+": "+p.Detail)
	}
	return strings.Join(out, "; ")
}
