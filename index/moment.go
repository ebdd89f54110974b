package index

import "time"

// MomentOf is t as answers have it: nothing for the zero time, which is never.
func MomentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
