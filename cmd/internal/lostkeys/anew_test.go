package lostkeys

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// Proves K6: only where the operator said so, and only for keys that are known to
// be lost, a start goes on; what could not be told denies all the same.
func TestOnlyLostKeysAreMadeAnew_K6(t *testing.T) {
	t.Parallel()
	lost, untold := fmt.Errorf("accounts: %w", lostError{errors.New("lost")}), errors.New("could not be told")
	for _, row := range []struct {
		replace bool
		err     error
		refused bool
		made    bool
	}{
		{false, nil, false, false}, {false, lost, true, false}, {false, untold, true, false},
		{true, nil, false, false}, {true, lost, false, true}, {true, untold, true, false},
	} {
		var log bytes.Buffer
		a := NewAnew(row.replace, slog.New(slog.NewTextHandler(&log, nil)))
		if err := a.Unless(t.Context(), row.err); (err != nil) != row.refused || row.refused && !errors.Is(err, row.err) {
			t.Errorf("replace %t, %v: %v", row.replace, row.err, err)
		}
		if said := strings.Contains(log.String(), "made anew"); a.Made() != row.made || said != row.made {
			t.Errorf("replace %t, %v: made %t, said %t", row.replace, row.err, a.Made(), said)
		}
	}
}
