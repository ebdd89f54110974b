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

func fromMicro(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
