package client

import (
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// oldEnough holds an answer to the minimum age that was asked for: a server that
// knows none passes the question over.
func oldEnough(asked, answered string) error {
	if asked == "" {
		return nil
	}
	want, err := index.ParseMinimumAge(asked)
	if err != nil {
		return err
	}
	if want == 0 {
		return nil
	}
	got, err := index.ParseMinimumAge(answered)
	if err != nil || got < want {
		return fmt.Errorf("the server does not say that what it chose has been public for %s: "+
			"it may be too old to know of minimum ages: %w", want, artifact.ErrUnverified)
	}
	return nil
}
