package lifecycle

import (
	"context"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// told are moves as the caller of ctx is told them: without the replacement that
// he may not pull, whatever was public when it was named. The slice is his own.
func (s *Service) told(ctx context.Context, moves []index.Move) ([]index.Move, error) {
	out := append([]index.Move{}, moves...)
	for i, m := range out {
		if m.Replacement == "" {
			continue
		}
		switch may, err := s.mayKnow(ctx, m.Replacement); {
		case err != nil:
			return nil, err
		case !may:
			out[i].Replacement = ""
		}
	}
	return out, nil
}

// replacementKey is what names a replacement in the body of a statement.
const replacementKey = "replacement"

// tellPage takes from the statements, which are the caller's own, the replacements
// that he may not pull. What was signed is read in the registry.
func (s *Service) tellPage(ctx context.Context, statements []index.LedgerStatement) error {
	for _, st := range statements {
		named, has := st.Body[replacementKey]
		if !has {
			continue
		}
		name, _ := named.(string)
		switch may, err := s.mayKnow(ctx, name); {
		case err != nil:
			return err
		case !may:
			delete(st.Body, replacementKey)
		}
	}
	return nil
}

// mayKnow reports whether the caller may know of a plugin that a move names. What
// is no name nobody may; an error could not tell.
func (s *Service) mayKnow(ctx context.Context, name string) (bool, error) {
	id, err := artifact.ParseName(name)
	if err != nil {
		return false, nil
	}
	may, err := s.o.Rights.Can(ctx, auth.RepositoryPull, auth.InRepository(id.String()))
	if err != nil {
		return false, fmt.Errorf("whether the replacement may be named: %w", err)
	}
	return may, nil
}
