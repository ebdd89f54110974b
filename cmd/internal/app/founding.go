package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index/auth"
)

// found refuses a database that is not the one of this registry: it comes
// before anything is written to it, or made of it.
func (s *Server) found(ctx context.Context, adopt bool) error {
	got, err := auth.Found(ctx, auth.FoundOptions{Store: s.accounts.store, Audit: s.accounts.store, Tx: s.accounts.store, Dev: s.cfg.Dev, Adopt: adopt, Held: s.registry.Namespaces, Now: s.clock.Now})
	if err != nil {
		return notFounded(s.cfg, err)
	}
	if adopt {
		s.log.WarnContext(ctx, "adopted: a new site over what the registry holds; each name is private until an admin claims it and gives it to its owner", "namespaces", len(got.Adopted))
	}
	if got.Tainted {
		s.log.WarnContext(ctx, "accounts: a server with --dev wrote to this database earlier: look at what admin:dev did, oarlock audit list --actor admin:dev", "alert", true)
	}
	return nil
}

// notFounded names the ways out.
func notFounded(c config.Config, err error) error {
	var refused *auth.FoundingError
	if !errors.As(err, &refused) {
		return fmt.Errorf("db: %w", err)
	}
	var fix string
	switch refused.Code {
	case "registry_filled":
		fix = "point db at the site's database; or restore the backup into an empty place (oarlock restore-backup); or, where neither is left, " +
			"start once with oarlock serve --adopt-registry: a new site, in which each name that the registry holds is private and taken until an admin gives it to its owner"
		if c.Dev {
			fix = "use another data directory (and db) for --dev, which goes on only with the database that it made; or go without --dev and " + fix
		}
	case "dev_database":
		fix = "go on with --dev; or start with another data directory (and db); or start once with oarlock serve --adopt-registry, " +
			"which removes these accounts, tokens, namespaces and roles, keeps what the registry holds, and holds its names until an admin gives them"
	case "site_database":
		fix = "use another data directory (and db) for --dev; or go without --dev"
	case "nothing_to_adopt":
		fix = "start without --adopt-registry, which is for one start"
	}
	return fmt.Errorf("db: %s: %w: %s", databaseName(c), refused, fix)
}

// notRecovered says why no admin token is made here.
func notRecovered(c config.Config, err error) error {
	if errors.Is(err, artifact.ErrNotFound) {
		return config.Unusable(fmt.Errorf("db: %s: %s: point data and db at those of the server; a new site prints its first token when it starts", databaseName(c), strings.TrimSuffix(err.Error(), ": "+artifact.ErrNotFound.Error())))
	}
	return config.Unusable(notFounded(c, err))
}

// databaseName says which database is meant, without a password.
func databaseName(c config.Config) string {
	if c.Shared() {
		return "the one that db names"
	}
	return fmt.Sprintf("%q", strings.TrimPrefix(c.DatabaseURL(), "sqlite://"))
}
