package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/ingest"
)

// kept is a record in memory.
type kept struct{ held []byte }

func (k *kept) swap(_ context.Context, change func([]byte) ([]byte, error)) error {
	next, err := change(k.held)
	if err == nil {
		k.held = next
	}
	return err
}

func TestNumbersAreReservedAboveAllThatIsKnown(t *testing.T) {
	t.Parallel()
	at := func(n int64) *catalog.Generation { return &catalog.Generation{Number: n, Snapshot: catalog.Empty()} }
	for title, row := range map[string]struct {
		record     string
		checkpoint *catalog.Generation
		seen       int64
		above      int64 // the first number is
		same       bool  // as the checkpoint's
	}{
		"nothing is known":                           {above: -1},
		"the checkpoint of a server that ended":      {record: `{"through":7}`, checkpoint: at(7), same: true},
		"the checkpoint of a server that was killed": {record: `{"through":1000}`, checkpoint: at(7), above: 1000},
		"the checkpoint is lost":                     {record: `{"through":1000}`, above: 999},
		"the record is lost":                         {checkpoint: at(7), same: true},
		"both are lost, not the signed catalog":      {seen: 12, above: 11},
		"the signed catalog is ahead":                {record: `{"through":7}`, checkpoint: at(7), seen: 12, above: 12},
		"a number that no catalog of ours reached":   {record: `{"through":7}`, checkpoint: at(7), seen: 1 << 60, same: true},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			k := &kept{[]byte(row.record)}
			first, _, err := ingest.Reserve(t.Context(), k.swap, time.Now(), row.checkpoint, row.seen)
			if err != nil {
				t.Fatal(err)
			}
			number := int64(0)
			if first != nil {
				number = first.Number
			}
			if row.same != (row.checkpoint != nil && number == row.checkpoint.Number) || number <= row.above {
				t.Errorf("it begins with %d, the record is %s", number, k.held)
			}
			var through int64
			if _, err := fmt.Sscanf(string(k.held), `{"through":%d}`, &through); err != nil || through <= number {
				t.Errorf("after %d the record is %s, %v", number, k.held, err)
			}
		})
	}
}

// What was in use could not be told, so nothing serves.
func TestARecordOfNumbersThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for _, held := range []string{"damaged", `{"through":-1}`, `{"through":9223372036854775807}`} {
		if _, _, err := ingest.Reserve(t.Context(), (&kept{[]byte(held)}).swap, time.Now(), nil); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%s: got %v", held, err)
		}
	}
}
