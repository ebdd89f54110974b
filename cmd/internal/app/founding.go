package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index/auth"
)

// found refuses a database that is not the one of this registry: it comes
// before anything is written to it, or made of it.
func found(ctx context.Context, cfg config.Config, at clock.Clock, p *premises, o Options) error {
	keys, err := config.KeysMark(cfg.Data)
	if err != nil {
		return err
	}
	db := p.database.store
	got, err := auth.Found(ctx, auth.FoundOptions{Store: db, Audit: db, Tx: db, AnyoneIsAdmin: cfg.Footing().AnyoneIsAdmin, Adopt: o.AdoptRegistry, Keys: keys, Held: p.storage.Namespaces, Now: at.Now})
	if err != nil {
		return notFounded(cfg, err)
	}
	if o.AdoptRegistry {
		o.Log.WarnContext(ctx, "adopted: a new site over what the registry holds; each name is private until an admin claims it and gives it to its owner", "namespaces", len(got.Adopted))
	}
	if got.Tainted {
		o.Log.WarnContext(ctx, "accounts: a server with --dev wrote to this database earlier: look at what admin:dev did, oarlock audit search --actor admin:dev", "alert", true)
	}
	return config.MarkKeys(cfg.Data, got.Kind)
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
		if c.Footing().AnyoneIsAdmin {
			fix = "use another data directory (and db) for --dev, which goes on only with the database that it made; or go without --dev and " + fix
		}
	case "dev_database":
		fix = "go on with --dev; or start with another data directory (and db); or start once with oarlock serve --adopt-registry, " +
			"which removes these accounts, tokens, namespaces and roles, keeps what the registry holds, and holds its names until an admin gives them"
	case "site_database":
		fix = "use another data directory (and db) for --dev; or go without --dev"
	case "site_keys":
		return fmt.Errorf("data: %q: %w: use another data directory (and db) for --dev; or go without --dev", c.Data, refused)
	case "dev_keys":
		return fmt.Errorf("data: %q: %w: point data at the directory of the site, or at an empty one; or go on with --dev", c.Data, refused)
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

// bootstrap makes the first admin token of a site and hands it over: to a file,
// to nobody where the operator brought it, or else in one line of notice.
func bootstrap(ctx context.Context, o config.Bootstrap, tokens *auth.Tokens, url string, notice io.Writer) error {
	first := auth.FirstToken{Text: o.Token, Lifetime: o.Lifetime}
	var until time.Time
	written := false
	first.Keep = func(t auth.Token, ends time.Time) (err error) {
		until = ends
		if o.TokenFile != "" {
			err = writeToken(o.TokenFile, t)
			written = err == nil
		}
		return err
	}
	token, made, err := tokens.Bootstrap(ctx, first)
	if err != nil {
		if written { // it became no token
			err = errors.Join(err, os.Remove(o.TokenFile))
		}
		return fmt.Errorf("bootstrap token: %w", err)
	}
	if !made {
		return nil
	}
	switch {
	case o.TokenFile != "":
		_, err = fmt.Fprintf(notice, "bootstrap admin token: written to %s\n", o.TokenFile)
	case o.Token != "":
		_, err = fmt.Fprintf(notice, "bootstrap admin token: the one of OARLOCK_BOOTSTRAP_TOKEN\n")
	default:
		_, err = fmt.Fprintf(notice, "bootstrap admin token, shown this once: %s\n", token.Reveal())
	}
	_, e := fmt.Fprintf(notice, "%s\nlog in with: oarlock login %s -u admin -p TOKEN\n", ending(until), hostOf(url))
	return errors.Join(err, e)
}

// ending says when a token ends, and what to do before.
func ending(until time.Time) string {
	if until.IsZero() {
		return "it ends when it is revoked"
	}
	return fmt.Sprintf("it ends at %s: make another before, oarlock token create NAME --kind admin --expires never", until.UTC().Format(time.RFC3339))
}

// writeToken puts a token into a new file that nobody else may read. Whatever
// stands there, a link too, is left alone.
func writeToken(path string, t auth.Token) error {
	err := durable.Create(path, []byte(t.Reveal()+"\n"), 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("bootstrap.token_file: %q: something is there already, and it is not written over: name a new file", path)
	}
	if err != nil {
		return fmt.Errorf("bootstrap.token_file: %w", err)
	}
	return nil
}

// GenerateToken draws the text of a token, for OARLOCK_BOOTSTRAP_TOKEN.
func GenerateToken() string { return auth.GenerateToken() }
