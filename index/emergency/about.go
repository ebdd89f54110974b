package emergency

import (
	"context"
	"fmt"

	"github.com/oarlock/oarlock/index"
)

// About says which emergency about a plugin is not over, and how far it is; "" where
// there is none. A request is somebody's word alone, and counts as none.
func (s *Service) About(ctx context.Context, plugin string) (string, error) {
	open, err := s.all(ctx, plugin, index.EmergencyProposed, index.EmergencyConfirmed, index.EmergencyInForce)
	if err != nil {
		return "", err
	}
	for _, r := range open {
		if !r.expired(s.o.Clock.Now()) {
			return fmt.Sprintf("emergency %s is %s", r.ID, r.State), nil
		}
	}
	return "", nil
}
