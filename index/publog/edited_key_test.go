package publog_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/index/publog"
)

// TestALeafOfAnotherKeyIsCaught_G6: also where its key is one that anybody can compute of
// its number, as once the key was of a leaf that was written once more.
func TestALeafOfAnotherKeyIsCaught_G6(t *testing.T) {
	number := sha256.Sum256([]byte("oarlock log leaf once more\n5"))
	for what, key := range map[string]string{"of its number": hex.EncodeToString(number[:16]), "of nothing": "00112233445566778899aabbccddeeff"} {
		path := filepath.Join(t.TempDir(), "log.db")
		db, r := opened(t, path), &record{}
		write(t, logOf(t, options(db, r)), 0, 9)
		editRows(t, path, "UPDATE log_leaves SET key = x'"+key+"' WHERE number = 5")
		l := logOf(t, options(db, r))
		if err := l.Intact(t.Context()); !errors.Is(err, publog.ErrBroken) {
			t.Errorf("a key %s: %v", what, err)
		}
	}
}
