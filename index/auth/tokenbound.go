package auth

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// The two ways in which credentials come to be. Those that somebody makes are
// refused when there are too many: whoever holds one of the earlier ones counts
// on it. Those of logins come by themselves, one for each, so that the oldest go.
var (
	madeKinds  = []string{string(RobotToken), string(PersonalToken), string(AdminToken), string(InviteToken)}
	loginKinds = []string{string(RefreshToken), string(SessionToken), string(CodeToken)}
)

// TokenBoundStore keeps one account from filling the store with credentials. In a
// transaction each method excludes others for the same maker until its end.
type TokenBoundStore interface {
	// LiveTokens is how many credentials of some kinds one made that have not
	// ended.
	LiveTokens(ctx context.Context, maker string, kinds []string, at time.Time) (int, error)
	// EndOldestTokens ends the oldest of them that live, but for keep.
	EndOldestTokens(ctx context.Context, maker string, kinds []string, keep int, at time.Time) (int, error)
	// ForgetEndedTokens removes the oldest of all that one made and that have
	// ended, but for keep, and for those of admins.
	ForgetEndedTokens(ctx context.Context, maker string, keep int, at time.Time) (int, error)
}

// A TokensError refuses a credential to one who made as many that have not
// ended as one account may. It wraps artifact.ErrDenied.
type TokensError struct {
	Principal   string
	Live, Limit int
}

func (e *TokensError) Error() string {
	return fmt.Sprintf("%s has made %d tokens and invitations that have not ended, and %d is the most that one account may have here", e.Principal, e.Live, e.Limit)
}

// Unwrap makes errors.Is(err, artifact.ErrDenied) hold.
func (e *TokensError) Unwrap() error { return artifact.ErrDenied }

// tokenBound is how many credentials one account may have; 0 does not limit.
type tokenBound struct {
	store TokenBoundStore
	limit int
}

// room makes room for one more credential, or refuses it with a
// *TokensError. The server itself and admins of the site, who answer for
// the database, are not refused; their logins end like those of others.
func (b tokenBound) room(ctx context.Context, by Principal, rec TokenRecord, now time.Time) error {
	if b.limit <= 0 {
		return nil
	}
	made := slices.Contains(madeKinds, rec.Kind)
	if !made {
		if _, err := b.store.EndOldestTokens(ctx, rec.CreatedBy, loginKinds, b.limit-1, now); err != nil {
			return fmt.Errorf("logins of %s: %w", by.Name, err)
		}
	} else if by.Kind != Process && !slices.Contains(by.roles(Site()), RoleAdmin) {
		live, err := b.store.LiveTokens(ctx, rec.CreatedBy, madeKinds, now)
		if err != nil {
			return untold(err, "how many tokens %s has", by.Name)
		}
		if live >= b.limit {
			return &TokensError{Principal: by.Name, Live: live, Limit: b.limit}
		}
	}
	if _, err := b.store.ForgetEndedTokens(ctx, rec.CreatedBy, b.limit, now); err != nil {
		return fmt.Errorf("ended tokens of %s: %w", by.Name, err)
	}
	return nil
}
