// Package audit is the one way to do what is written down. Log.Do
//
//	asks whether it may be done ─▶ writes down that it begins ─▶ does it ─▶ writes down how it ended
//
// so that what may not be done or cannot be written down is not done, and what
// ended early, by an error, a panic or a caller who left, is in the log too.
//
// An act leaves one row when it begins, and one more only where it did not end as
// it began: the caller of Do returns nil then. What changes nothing is no act, and is
// found out before Do is called. Whom May refuses leaves one row, denied, which
// index/auth writes and, where it is a flood, counts.
//
// Changes of SQL alone need none of this: index/auth writes their row in the
// transaction that makes them. scripts/arrows names every other file that writes
// rows, with its reason, and a test of cmd/internal/app asks all that for every
// operation of the served description.
package audit
