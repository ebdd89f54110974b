package client

import (
	"context"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// tooYoung are the plugins of next that l brings here, and that the catalog says are
// younger than it chooses, each with until when: a lock keeps what is installed, and is no
// way round the age for what is not. What the store has at that digest already stays.
func (s *Store) tooYoung(ctx context.Context, next set, l locking) (map[string]string, error) {
	if least, err := index.ParseMinimumAge(next.age); next.age == "" || err == nil && least == 0 {
		return nil, nil
	}
	out := map[string]string{}
	for _, e := range next.Plugins {
		was := l.find(e.ID.String())
		if there := l.now.find(e.ID); was == nil || was.Digest != e.Digest || there != nil && there.Digest == e.Digest {
			continue
		}
		why, err := s.options.Client.Why(ctx, e.ID, s.query())
		if err != nil {
			return nil, fmt.Errorf("whether %s %s is old enough: %w", e.ID, e.Version, err)
		}
		for _, v := range why.Versions {
			if v.Digest != e.Digest {
				continue
			}
			for _, r := range v.Reasons {
				if r.Code == index.ReasonTooYoung {
					out[was.ID] = fmt.Sprintf("%s %s: %s: %s", was.ID, was.Version, r.Code, r.Detail)
				}
			}
		}
	}
	return out, nil
}

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
