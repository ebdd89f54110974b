package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// aged has fit ask for the minimum age that the request names, and for the site's
// where that is more. moment is what the answer then depends on besides the catalog,
// "" where no age is asked for: such a question costs nothing more.
func (s *Server) aged(ctx context.Context, fit *catalog.Fit, asked string) (moment string, err error) {
	least := s.MinimumAge
	if asked != "" {
		d, err := index.ParseMinimumAge(asked)
		if err != nil {
			return "", invalid(codeInvalidParameter, err)
		}
		least = max(least, d)
	}
	if least == 0 {
		return "", nil
	}
	if s.Ages == nil {
		return "", index.NewProblem(index.CodeUnavailable, "since when versions are public is not known here", "ask without minimum_age")
	}
	ages, err := s.Ages(ctx)
	if problem := new(index.Problem); errors.As(err, &problem) {
		return "", problem
	}
	if err != nil {
		s.Log.ErrorContext(ctx, "api: since when versions are public could not be told", "request", requestID(ctx), "err", err)
		return "", index.NewProblem(index.CodeUnavailable, "since when versions are public could not be told", "ask again soon")
	}
	fit.Age = &catalog.Age{Least: least, Now: s.Now(), Grain: grain(least), Ages: ages}
	return fmt.Sprint(least, fit.Age.Now.Truncate(fit.Age.Grain).UnixMicro(), ages.Size()), nil
}

// grain is how often an answer about versions of an age changes by time alone.
func grain(least time.Duration) time.Duration {
	return min(max(least/60, time.Second), time.Minute).Truncate(time.Second)
}

// ageOf is the age that fit asks for, in an answer.
func ageOf(fit catalog.Fit) string {
	if fit.Age == nil {
		return ""
	}
	return fit.Age.Least.String()
}
