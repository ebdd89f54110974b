package notices

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/notify"
)

var errAway = errors.New("the database is away")

// away is a table that cannot be read, and counts who asked.
type away struct {
	notify.WithheldStore

	asked int
}

func (a *away) Withheld(context.Context) ([]notify.Withheld, error) {
	a.asked++
	return nil, errAway
}

// A database that is away is asked again after a while, and not each second.
func TestADatabaseThatIsAwayIsAskedSeldom_E8(t *testing.T) {
	t.Parallel()
	hand, table := clock.NewHand(time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)), new(away)
	n := &Notices{clock: hand.Clock(), watch: notify.WithheldWatch{Store: table}, withholding: Withholding{
		Blocks: func() []Block { return nil }, Quarantine: func() bool { return false },
		Catalog: func() (*catalog.Generation, error) { return &catalog.Generation{}, nil },
	}}
	for i := range 10 {
		if err := n.lookWithheld(t.Context()); i%5 == 0 && !errors.Is(err, errAway) {
			t.Errorf("after %d s: %v", i, err)
		}
		hand.Advance(withheldEvery)
	}
	if table.asked != 2 {
		t.Errorf("asked %d times in 10 s, expected 2", table.asked)
	}
}
