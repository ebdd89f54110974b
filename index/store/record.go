package store

import "time"

// roleOwner is the one role that the store itself knows: a namespace keeps one.
const roleOwner = "owner"

func micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// firstMicro and lastMicro are the moments that the texts of times have (RFC 3339).
var (
	firstMicro = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	lastMicro  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMicro()
)

// fromMicro reads a time of a row. One of a damaged row that no text has is the last
// or the first that texts have: it is shown, and refuses no answer that has it.
func fromMicro(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(min(max(n, firstMicro), lastMicro)).UTC()
}
