package jobs

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// What a foreign server answered is kept where no text has a NUL or bytes that are no
// UTF-8, as in PostgreSQL: else how the job ended would not be kept at all.
func TestWhatIsKeptOfAnErrorIsText(t *testing.T) {
	t.Parallel()
	for _, foreign := range []string{"malformed header bad\x00line", "\xff\xfe", strings.Repeat("é\x00", 600)} {
		got := firstWords(errors.New(foreign))
		if strings.ContainsRune(got, 0) || !utf8.ValidString(got) || len([]rune(got)) > 501 {
			t.Errorf("%.40q is kept as %.40q", foreign, got)
		}
	}
}
