package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/store"
)

// TestADatabaseThatIsAwayIs503_K7: nobody is told of an internal error, nor
// where the database is.
func TestADatabaseThatIsAwayIs503_K7(t *testing.T) {
	t.Parallel()
	away := fmt.Errorf("credentials: %w", &store.AwayError{Err: errors.New("dial tcp 10.0.0.7:5432: connection refused")})
	p := asProblem(t.Context(), away)
	if p.Status != 503 || p.Code != index.CodeUnavailable || len(p.Fixes) == 0 || strings.Contains(p.Detail, "10.0.0.7") {
		t.Errorf("got %+v", p)
	}
	if p := asProblem(t.Context(), errors.New("dial tcp 10.0.0.7:5432")); p.Status != 500 || p.Code != index.CodeInternal {
		t.Errorf("another: got %+v", p)
	}
}
