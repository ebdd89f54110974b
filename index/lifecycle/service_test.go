package lifecycle

import (
	"errors"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
)

// Proves E5: an owner who fills the ledger leaves room for what stops the plugin.
func TestOwnersLeaveRoomForThePlatform(t *testing.T) {
	t.Parallel()
	const most = format.MaxStatements - keptForPlatform
	for _, c := range []struct {
		role       string
		statements int
		want       error
	}{
		{format.RoleOwner, most - 1, nil}, {format.RoleOwner, most, artifact.ErrConflict}, {"", most, artifact.ErrConflict},
		{format.RolePlatform, most, nil}, {format.RolePlatform, format.MaxStatements - 1, nil},
	} {
		if err := room(c.role, c.statements); !errors.Is(err, c.want) {
			t.Errorf("%s after %d statements: %v, want %v", c.role, c.statements, err, c.want)
		}
	}
}
